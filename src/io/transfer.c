/*
 * io/transfer.c: bytes and messages to and from the program's own sockets.
 */
#include "io/retry.h"
#include "io/submit.h"
#include "sys/socket.h"
#include <asyncio/socket.h>
#include <limits.h>

static size_t int_at_most(size_t size)
{
    return size < INT_MAX ? size : INT_MAX;
}

static int refuse_null(const char *call, const char *argument)
{
    return async_fail(-EINVAL, "%s: %s is NULL", call, argument);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static int refuse_wait_all(const char *call)
{
    return async_fail(-EINVAL, "%s: MSG_WAITALL is not supported; call it again for the rest",
                      call);
}

int async_recv(int fd, void *buffer, size_t size, int flags)
{
    struct operation operation = {
        .kind = OPERATION_RECV,
        .fd = fd,
        .buffer = buffer,
        .size = int_at_most(size),
        .flags = flags & ~MSG_DONTWAIT, /* the task waits, not the thread */
    };
    struct async_loop *loop = loop_enter("async_recv");
    if ((flags & MSG_WAITALL) != 0 && !loop_running(loop)->cancel_pending)
        return refuse_wait_all("async_recv");
    return asyncp_submit(loop, operation, "async_recv");
}

int async_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                   unsigned *address_size)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_recvfrom"));
    if (buffer == NULL && size != 0)
        return refuse_null("async_recvfrom", "buffer");
    if (address != NULL && address_size == NULL)
        return refuse_null("async_recvfrom", "address_size");
    if ((flags & MSG_WAITALL) != 0)
        return refuse_wait_all("async_recvfrom");
    size = int_at_most(size);
    int result;
    do
        result = asyncp_sys_recvfrom(fd, buffer, size, flags, address, address_size);
    while (result == -EAGAIN && (result = asyncp_retry_wait(&retry, fd, OPERATION_READABLE)) >= 0);
    return retry_end(&retry, result);
}

int async_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_recvmsg"));
    if (message == NULL)
        return refuse_null("async_recvmsg", "message");
    if ((flags & MSG_WAITALL) != 0)
        return refuse_wait_all("async_recvmsg");
    int result;
    do
        result = asyncp_sys_recvmsg(fd, message, flags);
    while (result == -EAGAIN && (result = asyncp_retry_wait(&retry, fd, OPERATION_READABLE)) >= 0);
    return retry_end(&retry, result);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Sends as much as the kernel takes, but waits until it takes something. */
static int send_some_bytes(const char *call, int fd, const void *data, size_t size, int flags)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, call));
    if (data == NULL && size != 0)
        return refuse_null(call, "data");
    size = int_at_most(size);
    int result;
    do
        result = asyncp_sys_send(fd, data, size, flags);
    while (result == -EAGAIN && (result = asyncp_retry_wait(&retry, fd, OPERATION_WRITABLE)) >= 0);
    return retry_end(&retry, result);
}

int async_send(int fd, const void *data, size_t size, int flags)
{
    return send_some_bytes("async_send", fd, data, size, flags);
}

int async_sendall(int fd, const void *data, size_t size, int flags)
{
    size_t sent = 0;
    do {
        const char *rest = data != NULL ? (const char *)data + sent : NULL;
        int result = send_some_bytes("async_sendall", fd, rest, size - sent, flags);
        if (result < 0)
            return sent > 0 ? async_fail_errno(result, "%zu of %zu bytes were sent", sent, size)
                            : result;
        sent += (size_t)result;
    } while (sent < size);
    return 0;
}

int async_sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
                 unsigned address_size)
{
    if (address == NULL && address_size == 0)
        return send_some_bytes("async_sendto", fd, data, size, flags);
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_sendto"));
    if (data == NULL && size != 0)
        return refuse_null("async_sendto", "data");
    size = int_at_most(size);
    int result;
    do
        result = asyncp_sys_sendto(fd, data, size, flags, address, address_size);
    while (result == -EAGAIN && (result = asyncp_retry_wait(&retry, fd, OPERATION_WRITABLE)) >= 0);
    return retry_end(&retry, result);
}

int async_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_sendmsg"));
    if (message == NULL)
        return refuse_null("async_sendmsg", "message");
    int result;
    do
        result = asyncp_sys_sendmsg(fd, message, flags);
    while (result == -EAGAIN && (result = asyncp_retry_wait(&retry, fd, OPERATION_WRITABLE)) >= 0);
    return retry_end(&retry, result);
}
