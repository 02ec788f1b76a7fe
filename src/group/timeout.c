/*
 * group/timeout.c: time limits and shelters as scopes of the running task. What a scope does to the calls inside it is
 * decided in core/cancel.c; here is when a timeout runs out, and what becomes of the result at its end.
 */
#include "core/loop.h"
#include <asyncio/time.h>

_Static_assert(sizeof(async_timeout_scope) >= sizeof(struct scope), "the public struct holds the scope");
_Static_assert(sizeof(async_shield_scope) >= sizeof(struct scope), "the public struct holds the scope");
_Static_assert(_Alignof(async_timeout_scope) >= _Alignof(struct scope), "and is aligned for it");

static void run_out(struct timer *timer)
{
    async__scope_expire(CONTAINER_OF(timer, struct scope, timer), -ETIMEDOUT);
}

void async_timeout_begin(async_timeout_scope *public_scope, double seconds)
{
    struct async_loop *loop = loop_enter("async_timeout");
    struct scope *scope = (struct scope *)public_scope;
    async__scope_enter(loop, scope, SCOPE_TIMEOUT);
    scope->timer.expire = run_out;
    if (seconds != seconds) {
        async__scope_expire(scope, -EINVAL);
    } else if (seconds <= 0) {
        async__scope_expire(scope, -ETIMEDOUT);
    } else if (async__timer_set(loop, &scope->timer, async__deadline(loop, seconds)) < 0) {
        async__scope_expire(scope, -ENOMEM);
    }
}

/* A failure inside a limit that ran out is that limit's, unless something further out refuses this task too. */
static int end(struct async_loop *loop, struct scope *scope, const char *call, long result)
{
    scope = async__scope_leave(loop, scope, SCOPE_TIMEOUT, call);
    bool outer_cause = loop->current->refused;
    return scope->expired && result < 0 && !outer_cause ? scope->error : (int)result;
}

int async_timeout_end(async_timeout_scope *scope, long result)
{
    return end(loop_enter("async_timeout_end"), (struct scope *)scope, "async_timeout_end", result);
}

int async__timeout_pop(long result)
{
    return end(loop_enter("async_timeout"), NULL, "async_timeout", result);
}

void async_shield_begin(async_shield_scope *scope)
{
    async__scope_enter(loop_enter("async_shielded"), (struct scope *)scope, SCOPE_SHIELD);
}

void async_shield_end(async_shield_scope *scope)
{
    async__scope_leave(loop_enter("async_shield_end"), (struct scope *)scope, SCOPE_SHIELD,
                       "async_shield_end");
}

int async__shield_pop(long result)
{
    async__scope_leave(loop_enter("async_shielded"), NULL, SCOPE_SHIELD, "async_shielded");
    return (int)result;
}
