/*
 * sync/condition.c: async_condition: a lock, and the tasks waiting for a notification. A waiting
 * task has released the lock. Acquiring it again cannot be cancelled, because the task must hold
 * the lock when the wait returns. So a cancel request during it takes effect at the next call, and
 * the notification is not lost.
 */
#include "base/values.h"
#include "sched/pace.h"
#include "sync/lock.h"

struct condition {
    async_lock *shared; /* the lock supplied by the program; NULL: own is used */
    async_lock own;
    struct list waiters;
};

_Static_assert(sizeof(async_condition) >= sizeof(struct condition) &&
                   _Alignof(async_condition) >= _Alignof(struct condition),
               "async_condition must have room for struct condition");
_Static_assert(offsetof(async_condition, lock) == offsetof(struct condition, shared),
               "lock must have one offset in async_condition and struct condition");

static struct condition *condition_of(const async_condition *condition, const char *call)
{
    ENSURE(condition != NULL, "%s: the condition is NULL", call);
    return unconst(condition);
}

static async_lock *condition_lock(struct condition *condition)
{
    return condition->shared != NULL ? condition->shared : &condition->own;
}

/* Ends the program unless the condition's lock is held. */
static struct condition *check_held(async_condition *public_condition, const char *call)
{
    struct condition *condition = condition_of(public_condition, call);
    ENSURE(async_lock_locked(condition_lock(condition)),
           "%s: the condition's lock is not held; acquire it first", call);
    return condition;
}

async_lock *asyncp_condition_lock(async_condition *condition)
{
    return condition_lock(condition_of(condition, "ASYNC_WITH"));
}

int async_condition_acquire(async_condition *condition)
{
    return async_lock_acquire(condition_lock(condition_of(condition, "async_condition_acquire")));
}

void async_condition_release(async_condition *condition)
{
    async_lock_release(condition_lock(condition_of(condition, "async_condition_release")));
}

bool async_condition_locked(const async_condition *condition)
{
    return async_lock_locked(condition_lock(condition_of(condition, "async_condition_locked")));
}

static int wait_for_notification(struct async_loop *loop, struct condition *condition)
{
    async_lock *lock = condition_lock(condition);
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    async_lock_release(lock);
    int result = asyncp_wait_in_list(loop, &condition->waiters, "async_condition_wait", condition,
                                     asyncp_cancel_wait);
    asyncp_lock_reacquire(loop, lock);
    return result;
}

int async_condition_wait(async_condition *condition)
{
    struct async_loop *loop = loop_enter("async_condition_wait");
    return wait_for_notification(loop, check_held(condition, "async_condition_wait"));
}

int async_condition_wait_for(async_condition *public_condition, bool (*predicate)(void *context),
                             void *context)
{
    struct async_loop *loop = loop_enter("async_condition_wait_for");
    struct condition *condition = check_held(public_condition, "async_condition_wait_for");
    ENSURE(predicate != NULL, "async_condition_wait_for: the predicate is NULL");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    while (!predicate(context))
        ASYNC_TRY(wait_for_notification(loop, condition));
    return paced(loop, PACE_STEP, 0);
}

void async_condition_notify(async_condition *public_condition, size_t count)
{
    struct condition *condition = check_held(public_condition, "async_condition_notify");
    struct waiter *next;
    while (count-- > 0 && (next = waiter_first(&condition->waiters)) != NULL)
        asyncp_wake(next->wait, next, 0);
}

void async_condition_notify_all(async_condition *condition)
{
    async_condition_notify(condition, SIZE_MAX);
}
