/*
 * asyncio/io.h: waiting for descriptors. The loop never makes them non-blocking and never closes
 * them.
 */
#ifndef ASYNCIO_IO_H
#define ASYNCIO_IO_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * Waits until a read on the descriptor would not block: data, end of file or an error is there. 0
 * when it is so; a regular file always is. -EBADF: not an open descriptor, or async_close has
 * closed it meanwhile; close(2) is not to while a task waits. -ECANCELED, -ENOMEM. Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_readable(int fd);

/*
 * Waits until a write on the descriptor would not block; otherwise as async_wait_readable.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_writable(int fd);

ASYNC_END_C
#endif
