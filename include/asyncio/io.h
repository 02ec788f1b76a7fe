/*
 * asyncio/io.h: waiting for descriptors. The loop never makes them non-blocking and never closes them.
 */
#ifndef ASYNCIO_IO_H
#define ASYNCIO_IO_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * Waits until a read on the descriptor would not block: data, end of file or an error is there. 0 when it is so;
 * a regular file always is. -EBADF: not an open descriptor. -ECANCELED, -ENOMEM. Do not close the
 * descriptor while a task waits for it: cancel that task first. Switches.
 */
ASYNC_API ASYNC_MUST int async_wait_readable(int descriptor);

/* Waits until a write on the descriptor would not block; otherwise as async_wait_readable. Switches. */
ASYNC_API ASYNC_MUST int async_wait_writable(int descriptor);

/*
 * Receives up to size bytes from a socket, as recv(2) does; 0 is its end. Never more than INT_MAX. The buffer is
 * the kernel's until this returns and untouched after that, also when the task was cancelled: it may be
 * on the task's stack. flags are recv's, without MSG_WAITALL (-EINVAL): a task cancelled half-way could neither
 * keep its bytes nor give them back. -ECANCELED: nothing was received. -EBADF, -ENOTSOCK, -ECONNRESET… Switches.
 */
ASYNC_API ASYNC_MUST int async_recv(int descriptor, void *buffer, size_t size, int flags);

ASYNC_END_C
#endif
