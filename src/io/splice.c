/*
 * io/splice.c: bytes moved by the kernel from one descriptor to another.
 */
#include "io/retry.h"
#include "sys/socket.h"
#include "sys/file.h"
#include "sys/polling.h"
#include <asyncio/socket.h>
#include <limits.h>
#include <poll.h>

int async_sendfile(int fd, int file, int64_t *offset, size_t count)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_sendfile"));
    ASYNC_TRY(asyncp_sys_set_nonblocking(fd));
    if (count > INT_MAX)
        count = INT_MAX;
    int result;
    do
        result = asyncp_sys_sendfile(fd, file, offset, count);
    while (result == -EAGAIN && (result = asyncp_retry_wait(&retry, fd, OPERATION_WRITABLE)) >= 0);
    return retry_end(&retry, result);
}

/* The kernel does not say which of the two is not ready. */
static int wait_for_splice(struct retry *retry, int in, int out)
{
    struct pollfd polled[] = {{.fd = in, .events = POLLIN}, {.fd = out, .events = POLLOUT}};
    asyncp_sys_poll(polled, 2, 0);
    return polled[0].revents == 0 ? asyncp_retry_wait(retry, in, OPERATION_READABLE)
                                  : asyncp_retry_wait(retry, out, OPERATION_WRITABLE);
}

int async_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t count,
                 unsigned flags)
{
    struct retry retry;
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_splice"));
    ASYNC_TRY(asyncp_sys_set_nonblocking(in));
    ASYNC_TRY(asyncp_sys_set_nonblocking(out));
    if (count > INT_MAX)
        count = INT_MAX;
    int result;
    do
        result = asyncp_sys_splice(in, in_offset, out, out_offset, count, flags);
    while (result == -EAGAIN && (result = wait_for_splice(&retry, in, out)) >= 0);
    return retry_end(&retry, result);
}
