/*
 * asyncio/io.h: waiting until a descriptor is readable or writable.
 *
 *     ASYNC_TRY(async_wait_readable(fd));
 *     ssize_t size = read(fd, buffer, sizeof buffer);
 *
 * The loop does not make the descriptor non-blocking and does not close it. Do not close(2) a
 * descriptor while a task waits for it: async_close is safe then.
 */
#ifndef ASYNCIO_IO_H
#define ASYNCIO_IO_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * Waits until a read on the descriptor would not block, because of data, the end of the file or an
 * error. A regular file is always readable.
 *
 * Returns 0; -EBADF if the descriptor is not open, or was closed by async_close meanwhile.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_readable(int fd);

/*
 * Waits until a write on the descriptor would not block, because of room or an error.
 *
 * Returns 0; -EBADF if the descriptor is not open, or was closed by async_close meanwhile.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_writable(int fd);

ASYNC_END_C
#endif
