/*
 * asyncio/future.h: a result that somebody will set. A future is a task that runs nothing:
 * async_await, async_gather, async_task_cancel, done callbacks, async_task_done, async_task_result
 * and all the others work on it. It is for code that is told by a callback, or by another task,
 * what some task waits for.
 *
 * Who awaits a future takes a handle; who sets it holds one of its own (async_task_ref), because an
 * await that is cancelled cancels the future, as in Python, and has ended then. A future that is
 * never set is freed with the loop, and what waits for it meanwhile waits until it is cancelled.
 */
#ifndef ASYNCIO_FUTURE_H
#define ASYNCIO_FUTURE_H

#include <asyncio/task.h>

ASYNC_BEGIN_C

/* A future, pending or settled. */
typedef async_task async_future;

/*
 * async_future_new(): makes a pending future. Returns a handle, or NULL when memory is out. Never
 * switches.
 */
#define async_future_new() asyncp_future_new(ASYNCP_HERE)
ASYNC_API ASYNC_MUST async_future *asyncp_future_new(const char *where);

/*
 * Settles the future with a result, 0 or more; who waits for it runs soon. 0. -EALREADY: it was
 * settled or cancelled before. -EINVAL: a negative result, a task that has not ended, or NULL.
 * Borrows. Never switches.
 */
ASYNC_API int async_future_set_result(async_future *future, int result);

/*
 * Settles the future with an error, a negative errno, and a sentence about it (NULL: none), which
 * is copied as async_fail does. -EINVAL: the error is not negative; otherwise as
 * async_future_set_result. Borrows. Never switches.
 */
ASYNC_API int async_future_set_exception(async_future *future, int error, const char *format, ...)
    ASYNCP_PRINTF(3, 4);

ASYNC_END_C
#endif
