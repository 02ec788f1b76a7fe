/*
 * io/descriptor.c: waiting for somebody's descriptor, and receiving from a socket.
 */
#include "io/operate.h"
#include <asyncio/io.h>
#include <limits.h>
#include <sys/socket.h>

int async_wait_readable(int descriptor)
{
    struct operation operation = {.kind = OPERATION_READABLE, .descriptor = descriptor};
    struct async_loop *loop = loop_enter("async_wait_readable");
    return async__operate(loop, operation, "async_wait_readable");
}

int async_wait_writable(int descriptor)
{
    struct operation operation = {.kind = OPERATION_WRITABLE, .descriptor = descriptor};
    struct async_loop *loop = loop_enter("async_wait_writable");
    return async__operate(loop, operation, "async_wait_writable");
}

int async_recv(int descriptor, void *buffer, size_t size, int flags)
{
    struct operation operation = {
        .kind = OPERATION_RECV,
        .descriptor = descriptor,
        .buffer = buffer,
        .size = size < INT_MAX ? size : INT_MAX,
        .flags = flags & ~MSG_DONTWAIT, /* waiting is what we do */
    };
    struct async_loop *loop = loop_enter("async_recv");
    if ((flags & MSG_WAITALL) != 0 && !loop->current->refused)
        return -EINVAL;
    return async__operate(loop, operation, "async_recv");
}
