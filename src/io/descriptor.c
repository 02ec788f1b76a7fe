/*
 * io/descriptor.c: waiting for somebody's descriptor.
 */
#include "io/operate.h"
#include <asyncio/io.h>

int async_wait_readable(int fd)
{
    struct operation operation = {.kind = OPERATION_READABLE, .fd = fd};
    struct async_loop *loop = loop_enter("async_wait_readable");
    return asyncp_operate(loop, operation, "async_wait_readable");
}

int async_wait_writable(int fd)
{
    struct operation operation = {.kind = OPERATION_WRITABLE, .fd = fd};
    struct async_loop *loop = loop_enter("async_wait_writable");
    return asyncp_operate(loop, operation, "async_wait_writable");
}
