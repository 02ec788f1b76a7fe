/*
 * group/timeout.c: time limits and shields, as scopes of the running task. sched/cancel.c decides
 * the effect of a scope on the calls inside it; this file sets the timer and computes the result at
 * the end of the scope.
 */
#include "base/values.h"
#include "sched/current.h"
#include <asyncio/time.h>

_Static_assert(sizeof(async_timeout_scope) >= sizeof(struct scope) &&
                   _Alignof(async_timeout_scope) >= _Alignof(struct scope),
               "async_timeout_scope must have room for struct scope");
_Static_assert(sizeof(async_no_cancel_scope) >= sizeof(struct scope) &&
                   _Alignof(async_no_cancel_scope) >= _Alignof(struct scope),
               "async_no_cancel_scope must have room for struct scope");

_Noreturn OUT_OF_LINE static void refuse_result(long result, const char *call)
{
    asyncp_misuse("%s: the result %ld is no int; store it in a variable inside the call", call,
                  result);
}

/* async_timeout and async_no_cancel are ints: another result would be cut. */
static inline void check_result(long result, const char *call)
{
    if (unlikely(result != (int)result))
        refuse_result(result, call);
}

static struct scope *scope_of(const async_timeout_scope *scope, const char *call)
{
    ENSURE(scope != NULL, "%s: the scope is NULL", call);
    return unconst(scope);
}

static void expire_timeout(struct timer *timer)
{
    asyncp_scope_expire(CONTAINER_OF(timer, struct scope, timer), -ETIMEDOUT, REASON_LIMIT);
}

/* Sets the deadline; a past one expires at once. 0, or -ENOMEM with nothing changed. */
static int set_limit(struct async_loop *loop, struct scope *scope, int64_t when_ns, bool passed)
{
    int result = passed ? 0 : asyncp_timer_set(loop, &scope->timer, when_ns);
    if (result == 0)
        scope->when_ns = when_ns;
    if (passed)
        asyncp_scope_expire(scope, -ETIMEDOUT, REASON_LIMIT);
    return result;
}

static struct scope *begin_timeout(struct async_loop *loop, async_timeout_scope *public_scope,
                                   const char *call)
{
    struct scope *scope = (struct scope *)public_scope;
    asyncp_scope_enter(loop, scope, SCOPE_TIMEOUT, call);
    timer_init(&scope->timer, expire_timeout);
    scope->when_ns = TIME_NEVER;
    return scope;
}

/* Without its timer, the scope expires at once: its code must not run without the limit. */
static void expire_if_failed(struct scope *scope, int error)
{
    if (error < 0)
        asyncp_scope_expire(scope, error, REASON_LIMIT);
}

void async_timeout_begin(async_timeout_scope *public_scope, double seconds)
{
    struct async_loop *loop = loop_enter("async_timeout");
    struct scope *scope = begin_timeout(loop, public_scope, "async_timeout");
    if (likely(seconds > 0))
        expire_if_failed(scope, set_limit(loop, scope, asyncp_deadline(loop, seconds), false));
    else if (is_not_a_number(seconds))
        expire_if_failed(scope, async_fail(-EINVAL, "async_timeout: seconds is not a number"));
    else
        async_ignore(set_limit(loop, scope, asyncp_deadline(loop, seconds), true));
}

static int set_limit_at(struct async_loop *loop, struct scope *scope, double when)
{
    if (is_not_a_number(when))
        return async_fail(-EINVAL, "async_timeout_at: when is not a number");
    int64_t when_ns = asyncp_nanoseconds(when);
    return set_limit(loop, scope, when_ns, when_ns <= asyncp_now(loop));
}

void async_timeout_at_begin(async_timeout_scope *public_scope, double when)
{
    struct async_loop *loop = loop_enter("async_timeout_at");
    struct scope *scope = begin_timeout(loop, public_scope, "async_timeout_at");
    expire_if_failed(scope, set_limit_at(loop, scope, when));
}

double async_timeout_when(const async_timeout_scope *public_scope)
{
    const struct scope *scope = scope_of(public_scope, "async_timeout_when");
    return scope->when_ns < TIME_NEVER ? (double)scope->when_ns / 1e9 : ASYNC_FOREVER;
}

bool async_timeout_expired(const async_timeout_scope *public_scope)
{
    const struct scope *scope = scope_of(public_scope, "async_timeout_expired");
    return scope->expired && scope->error == -ETIMEDOUT;
}

/* Whether the scope has begun and not ended. */
static bool is_in_force(const struct scope *scope)
{
    return scope->coroutine != NULL && scope->again == scope->coroutine;
}

int async_timeout_reschedule(async_timeout_scope *public_scope, double when)
{
    struct scope *scope = scope_of(public_scope, "async_timeout_reschedule");
    struct async_loop *loop = asyncp_current;
    if (is_not_a_number(when))
        return async_fail(-EINVAL, "async_timeout_reschedule: when is not a number");
    if (scope->expired || !is_in_force(scope))
        return -EALREADY;
    ENSURE(scope->coroutine->task->loop == loop,
           "async_timeout_reschedule: the scope belongs to a task of another thread's loop");
    asyncp_timer_clear(loop, &scope->timer);
    return set_limit_at(loop, scope, when);
}

/*
 * Ends the scope. A failure inside an expired scope becomes the scope's error, unless an outer
 * scope or a cancel request cancels the task too.
 */
static int end_timeout(struct async_loop *loop, struct scope *scope, const char *call, long result)
{
    check_result(result, call);
    scope = asyncp_scope_leave(loop, scope, SCOPE_TIMEOUT, call);
    bool outer_cause = loop_running(loop)->cancel_pending;
    return scope->expired && result < 0 && !outer_cause ? scope->error : (int)result;
}

int async_timeout_end(async_timeout_scope *scope, long result)
{
    struct async_loop *loop = loop_leave("async_timeout_end");
    return end_timeout(loop, scope_of(scope, "async_timeout_end"), "async_timeout_end", result);
}

int asyncp_timeout_pop(long result)
{
    return end_timeout(loop_leave("async_timeout"), NULL, "async_timeout", result);
}

void async_no_cancel_begin(async_no_cancel_scope *scope)
{
    asyncp_scope_enter(loop_enter("async_no_cancel"), (struct scope *)scope, SCOPE_SHIELD,
                       "async_no_cancel");
}

void async_no_cancel_end(async_no_cancel_scope *scope)
{
    struct async_loop *loop = loop_leave("async_no_cancel_end");
    ENSURE(scope != NULL, "async_no_cancel_end: the scope is NULL");
    asyncp_scope_leave(loop, (struct scope *)scope, SCOPE_SHIELD, "async_no_cancel_end");
}

int asyncp_no_cancel_pop(long result)
{
    check_result(result, "async_no_cancel");
    asyncp_scope_leave(loop_leave("async_no_cancel"), NULL, SCOPE_SHIELD, "async_no_cancel");
    return (int)result;
}
