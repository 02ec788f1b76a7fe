/*
 * asyncio/future.h: futures, results set by a callback or by another task.
 *
 *     async_future *future = async_future_new();
 *     start_lookup(name, found, async_task_ref(future)); // found() calls async_future_set_result
 *     int address = async_await(future);
 *
 * A future is a task without a function. async_await, async_gather, async_task_cancel, done
 * callbacks, async_task_done, async_task_result and all other calls for tasks work on it.
 *
 * The awaiting task and the settling code each need a handle (async_task_ref): if the await is
 * cancelled, the future is cancelled too and has ended before it is settled, as in Python. A future
 * that is never settled is freed with the loop; its awaiting tasks wait until they are cancelled.
 */
#ifndef ASYNCIO_FUTURE_H
#define ASYNCIO_FUTURE_H

#include <asyncio/task.h>

ASYNC_BEGIN_C

/* A future, pending or settled. */
typedef async_task async_future;

/*
 * async_future *async_future_new(void)
 *
 * Creates a pending future.
 *
 * Returns a handle; NULL if memory is exhausted.
 * Never switches.
 */
#define async_future_new() asyncp_future_new(ASYNCP_HERE)
ASYNC_API ASYNC_MUST async_future *asyncp_future_new(const char *where);

/*
 * Settles the future with a result. The awaiting tasks run soon.
 *
 * result is 0 or more.
 *
 * Borrows the handle.
 * Returns 0; -EALREADY if the future was settled or cancelled before; -EINVAL if result is
 * negative, or if future is NULL or a task that has not ended.
 * Never switches.
 */
ASYNC_API int async_future_set_result(async_future *future, int result);

/*
 * Settles the future with an error and an error message. The awaiting tasks run soon.
 *
 * error is a negative errno value. format NULL means no message; otherwise the message is treated
 * as async_fail treats its message.
 *
 * Borrows the handle, copies the text.
 * Returns 0; -EALREADY if the future was settled or cancelled before; -EINVAL if error is not
 * negative, or if future is NULL or a task that has not ended.
 * Never switches.
 */
ASYNC_API int async_future_set_exception(async_future *future, int error, const char *format, ...)
    ASYNCP_PRINTF(3, 4);

ASYNC_END_C
#endif
