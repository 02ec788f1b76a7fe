/*
 * asyncio/time.h: sleeping, time limits, and shields against cancellation.
 *
 *     int size = async_timeout(5, async_stream_read(stream, buffer, sizeof buffer));
 *     if (size == -ETIMEDOUT)
 *         async_ignore(async_no_cancel(send_error(stream, size)));
 *
 * Times are seconds in a double, on the clock of async_time(). Time limits and shields are
 * expressions around a call, so they cannot be left half-way. The functions with begin and end in
 * their names do the same for a block.
 */
#ifndef ASYNCIO_TIME_H
#define ASYNCIO_TIME_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * Sleeps for at least a number of seconds, while other tasks run.
 *
 * 0 or less yields for exactly one iteration of the loop; such tasks continue in the order of their
 * calls, whatever the numbers are. Timer coalescing: if 16 or more sleeps and timers of an idle
 * loop expire within 0.25 milliseconds, they expire together, with the last of them.
 *
 * Returns 0; -EINVAL if seconds is not a number.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sleep(double seconds);

/*
 * Sleeps at least until a time of async_time(), while other tasks run.
 *
 * A time in the past yields for exactly one iteration of the loop. ASYNC_FOREVER sleeps until the
 * task is cancelled. For periodic work, use `next += period; async_sleep_until(next)`: the period
 * does not drift by the duration of the work. If a period was missed the call yields, and
 * `async_time() - next` is how late it is.
 *
 * Returns 0; -EINVAL if when is not a number.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sleep_until(double when);

/*
 * Returns the loop's clock in seconds. It is monotonic; a virtual clock starts at 0.
 * Never switches.
 */
ASYNC_API double async_time(void);

/*
 * int async_timeout(double seconds, call)
 *
 * Evaluates the call with a time limit. When the limit expires, every call that switches inside it
 * returns -ECANCELED, as after async_task_cancel.
 *
 * A limit of 0 or less has expired at once.
 *
 * Returns the result of the call, also if it failed and the task or an outer scope was cancelled.
 * -ETIMEDOUT if the limit expired and the call failed, whatever its error was.
 * -EINVAL if seconds is not a number; every call that switches inside then fails.
 * -ENOMEM if the limit could not be set; every call that switches inside then fails.
 * Never switches itself.
 */
#define async_timeout(seconds, ...)                                                                \
    (async_timeout_begin(ASYNCP_SCOPE(async_timeout_scope), (seconds)),                            \
     asyncp_timeout_pop(__VA_ARGS__))

/*
 * int async_timeout_at(double when, call)
 *
 * Evaluates the call as async_timeout does; the limit expires at a time of async_time().
 *
 * Returns the result of the call, or an error of async_timeout.
 * Never switches itself.
 */
#define async_timeout_at(when, ...)                                                                \
    (async_timeout_at_begin(ASYNCP_SCOPE(async_timeout_scope), (when)),                            \
     asyncp_timeout_pop(__VA_ARGS__))

/*
 * int async_no_cancel(call)
 *
 * Evaluates the call with a shield: inside it, calls that switch do not return -ECANCELED because
 * of requests to cancel the task, or because of outer time limits and task groups. It is for
 * cleanup that must wait.
 *
 * Time limits inside the shield work. Outer requests, limits and groups take effect again after it.
 *
 * Returns the result of the call.
 * Never switches itself.
 */
#define async_no_cancel(...)                                                                       \
    (async_no_cancel_begin(ASYNCP_SCOPE(async_no_cancel_scope)), asyncp_no_cancel_pop(__VA_ARGS__))

/* A time limit for a block, whose variable it must be. */
typedef struct ASYNCP_ALIASES async_timeout_scope {
    uint64_t asyncp_private[12];
} async_timeout_scope;

/* A shield for a block, whose variable it must be. */
typedef struct ASYNCP_ALIASES async_no_cancel_scope {
    uint64_t asyncp_private[12];
} async_no_cancel_scope;

/*
 * Begins a time limit for a block. The scope must exist until async_timeout_end.
 *
 * Never switches.
 */
ASYNC_API void async_timeout_begin(async_timeout_scope *scope, double seconds);

/*
 * Begins a time limit for a block as async_timeout_begin does; the limit expires at a time of
 * async_time().
 *
 * Never switches.
 */
ASYNC_API void async_timeout_at_begin(async_timeout_scope *scope, double when);

/*
 * Returns the time of async_time() at which the limit expires or has expired; infinity if it never
 * does.
 * Never switches.
 */
ASYNC_API double async_timeout_when(const async_timeout_scope *scope);

/*
 * Changes the time at which the limit expires. A time in the past expires it at once; with
 * ASYNC_FOREVER it never expires.
 *
 * Returns 0; -ENOMEM; -EALREADY if the limit has expired or was ended; -EINVAL if when is not a
 * number.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_timeout_reschedule(async_timeout_scope *scope, double when);

/*
 * Returns true if the limit has expired, also after its end.
 * Never switches.
 */
ASYNC_API bool async_timeout_expired(const async_timeout_scope *scope);

/*
 * Ends a time limit. It must be called on every way out of the block.
 *
 * result is the result of the block.
 *
 * Returns the same as async_timeout for this result.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_timeout_end(async_timeout_scope *scope, long result);

/*
 * Begins a shield for a block. The scope must exist until async_no_cancel_end.
 *
 * Never switches.
 */
ASYNC_API void async_no_cancel_begin(async_no_cancel_scope *scope);

/*
 * Ends a shield. It must be called on every way out of the block.
 *
 * Never switches.
 */
ASYNC_API void async_no_cancel_end(async_no_cancel_scope *scope);

/* End the innermost scope and return the result of async_timeout or async_no_cancel. */
ASYNC_API ASYNC_MUST int asyncp_timeout_pop(long result);
ASYNC_API ASYNC_MUST int asyncp_no_cancel_pop(long result);

ASYNC_END_C

#ifdef __cplusplus
#define ASYNCP_SCOPE(type) asyncp_temporary(type())
#else
#define ASYNCP_SCOPE(type) (&(type){0})
#endif
#endif
