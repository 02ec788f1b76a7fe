/*
 * asyncio/time.h: sleeping, timeouts, and shelter from cancellation.
 *
 * Time is seconds in a double. Scopes are expressions, because a begin without its end is what the
 * first `return` leaves behind: `r = async_timeout(5, fetch(url))` cannot be left half-way.
 */
#ifndef ASYNCIO_TIME_H
#define ASYNCIO_TIME_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * Lets the others run for that many seconds, never less. 0 and negative: exactly one turn of the
 * loop; tasks that sleep so go on in the order of their calls, however negative the delays are.
 * When the loop is idle and 16 or more sleeps and timers end within a quarter of a millisecond,
 * they end together, by then. -ECANCELED: this task was cancelled. -EINVAL: not a number. -ENOMEM.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_sleep(double seconds);

/*
 * Lets the others run until a time of async_time(), never less; one that has come: exactly one turn
 * of the loop. With `next += period; async_sleep_until(next)` what is done every period does not
 * drift, as the work between two sleeps is not added; after a period that was missed the next sleep
 * is one turn, and `async_time() - next` says how late it is. ASYNC_FOREVER: until this task is
 * cancelled. -ECANCELED: this task was cancelled. -EINVAL: not a number. -ENOMEM. Switches.
 */
ASYNC_API ASYNC_MUST int async_sleep_until(double when);

/* The loop's clock in seconds: monotonic, or virtual, which starts at 0. Never switches. */
ASYNC_API double async_time(void);

/*
 * async_timeout(seconds, call): evaluates the call with a time limit. When it runs out, every
 * switching call inside is refused, as under async_task_cancel. Gives the call's own result if it
 * is 0 or more, -ETIMEDOUT if the limit ran out and the call failed, -ECANCELED while something
 * further out has cancelled this task too, -EINVAL if seconds is not a number, -ENOMEM. 0 or
 * negative has run out at once. An int. Never switches itself.
 */
#define async_timeout(seconds, ...)                                                                \
    (async_timeout_begin(ASYNCP_SCOPE(async_timeout_scope), (seconds)),                            \
     asyncp_timeout_pop(__VA_ARGS__))

/*
 * async_timeout_at(when, call): the same with a time of async_time(). An int. Never switches
 * itself.
 */
#define async_timeout_at(when, ...)                                                                \
    (async_timeout_at_begin(ASYNCP_SCOPE(async_timeout_scope), (when)),                            \
     asyncp_timeout_pop(__VA_ARGS__))

/*
 * async_no_cancel(call): evaluates the call as if nobody had cancelled this task: for the goodbye
 * that must still be sent. Timeouts inside it work. The request is met again afterwards. Gives the
 * call's own result, an int. Never switches itself.
 */
#define async_no_cancel(...)                                                                       \
    (async_no_cancel_begin(ASYNCP_SCOPE(async_no_cancel_scope)), asyncp_no_cancel_pop(__VA_ARGS__))

/*
 * One time limit that is in force; a variable of the block it covers. Its fields are the library's.
 */
typedef struct async_timeout_scope {
    uint64_t asyncp_private[10]; /* see struct scope in the source */
} async_timeout_scope;

/* One shelter that is in force; a variable of the block it covers. Its fields are the library's. */
typedef struct async_no_cancel_scope {
    uint64_t asyncp_private[10]; /* see struct scope in the source */
} async_no_cancel_scope;

/*
 * The begin of a timeout for a block rather than a call: scope must outlive its end. Never
 * switches.
 */
ASYNC_API void async_timeout_begin(async_timeout_scope *scope, double seconds);

/* The same with a time of async_time(). Never switches. */
ASYNC_API void async_timeout_at_begin(async_timeout_scope *scope, double when);

/* When the limit runs out, or did, in the time of async_time(); infinity: never. Never switches. */
ASYNC_API double async_timeout_when(const async_timeout_scope *scope);

/*
 * Has the limit run out at another time of async_time(), ASYNC_FOREVER included; one that has
 * passed: at once. -EALREADY: it has run out or was ended. -EINVAL: not a number. Never switches.
 */
ASYNC_API ASYNC_MUST int async_timeout_reschedule(async_timeout_scope *scope, double when);

/* Whether the limit has run out, also after its end. Never switches. */
ASYNC_API bool async_timeout_expired(const async_timeout_scope *scope);

/*
 * The end of it, on every way out of the block: turns the block's result into async_timeout's.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_timeout_end(async_timeout_scope *scope, long result);

/* The begin of a shelter for a block: scope must outlive its end. Never switches. */
ASYNC_API void async_no_cancel_begin(async_no_cancel_scope *scope);

/* The end of it, on every way out of the block. Never switches. */
ASYNC_API void async_no_cancel_end(async_no_cancel_scope *scope);

/* What the expression forms end in: ends the innermost scope and passes the result on. */
ASYNC_API ASYNC_MUST int asyncp_timeout_pop(long result);
ASYNC_API ASYNC_MUST int asyncp_no_cancel_pop(long result);

ASYNC_END_C

#ifdef __cplusplus
#define ASYNCP_SCOPE(type) asyncp_temporary(type())
#else
#define ASYNCP_SCOPE(type) (&(type){0})
#endif
#endif
