/*
 * net/socket.c: making, connecting, accepting and closing the program's own sockets.
 */
#include "net/address.h"
#include "io/retry.h"
#include "io/pollable.h"
#include "sys/socket.h"
#include "poll/poll.h"
#include "sys/file.h"
#include <asyncio/socket.h>

int async_socket(int domain, int type, int protocol)
{
    return asyncp_sys_socket(domain, type, protocol);
}

/* ---- connect -------------------------------------------------------------------------------- */

static bool is_connecting(int result)
{
    return result == -EINPROGRESS || result == -EINTR || result == -EALREADY;
}

/* -EAGAIN of a Unix socket: the backlog of the server is full. */
static int connect_socket(struct retry *retry, int fd, const struct sockaddr *address,
                          socklen_t size)
{
    int result;
    do
        result = asyncp_sys_connect(fd, address, size);
    while (result == -EAGAIN && (result = asyncp_retry_wait(retry, fd, OPERATION_WRITABLE)) >= 0);
    if (!is_connecting(result))
        return result;
    result = asyncp_retry_wait(retry, fd, OPERATION_WRITABLE);
    return result < 0 ? result : asyncp_sys_socket_error(fd);
}

int async_connect(int fd, const struct sockaddr *address, unsigned size)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_connect"));
    if (address == NULL || size < sizeof address->sa_family)
        return async_fail(-EINVAL, "async_connect: the address is NULL or too short");
    int result = asyncp_sys_set_nonblocking(fd);
    if (result == 0)
        result = connect_socket(&retry, fd, address, size);
    bool blames_peer = result < 0 && result != -ECANCELED && result != -EBADF && result != -EINVAL;
    return blames_peer ? asyncp_fail_at_address("connect to", result, address, size) : result;
}

/* ---- accept --------------------------------------------------------------------------------- */

int async_accept(int fd, struct sockaddr *address, unsigned *size)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_accept"));
    if (address != NULL && size == NULL)
        return async_fail(-EINVAL, "async_accept: size is NULL, but address is not");
    ASYNC_TRY(asyncp_sys_set_nonblocking(fd));
    for (;;) {
        int result = asyncp_sys_accept(fd, address, size);
        if (result != -EAGAIN && !asyncp_sys_is_transient_accept_error(result))
            return result;
        ASYNC_TRY(asyncp_retry_wait(&retry, fd, OPERATION_READABLE));
    }
}

/* ---- close ---------------------------------------------------------------------------------- */

int async_close(int fd)
{
    struct async_loop *loop = asyncp_current;
    if (fd < 0 || !asyncp_sys_is_open(fd))
        return -EBADF;
    if (loop == NULL) {
        asyncp_sys_close(fd);
        return 0;
    }
    ENSURE(!asyncp_poller_has_source(&loop->poller, fd),
           "async_close(%d): that is a stream's or a server's descriptor; close the stream or the "
           "server",
           fd);
    poller_close_fd(&loop->poller, fd);
    return 0;
}
