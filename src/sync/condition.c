/*
 * sync/condition.c: Condition: a lock, and a line of those who have given it back until they are
 * notified. Taking it again is a wait that cannot be refused, because who returns from here must
 * hold it; so a request that comes then is met by the next call, and the notification counts.
 */
#include "sched/pace.h"
#include "sync/lock.h"

struct condition {
    async_lock *shared;  /* the lock, if the program named one */
    async_lock own;      /* the lock, if it did not */
    struct list waiters; /* tasks that wait to be notified */
};

_Static_assert(sizeof(async_condition) >= sizeof(struct condition),
               "the public struct holds the condition");
_Static_assert(_Alignof(async_condition) >= _Alignof(struct condition), "and is aligned for it");
_Static_assert(offsetof(async_condition, lock) == offsetof(struct condition, shared),
               "the lock is found");

static struct condition *condition_of(const async_condition *condition, const char *call)
{
    ENSURE(condition != NULL, "%s: the condition is NULL", call);
    return (struct condition *)(uintptr_t)condition;
}

static async_lock *lock_of(struct condition *condition)
{
    return condition->shared != NULL ? condition->shared : &condition->own;
}

/* The condition, whose lock is held. */
static struct condition *held(async_condition *public_condition, const char *call)
{
    struct condition *condition = condition_of(public_condition, call);
    ENSURE(async_lock_locked(lock_of(condition)),
           "%s: nobody has the lock; acquire the condition first", call);
    return condition;
}

async_lock *asyncp_condition_lock(async_condition *condition)
{
    return lock_of(condition_of(condition, "ASYNC_WITH"));
}

int async_condition_acquire(async_condition *condition)
{
    return async_lock_acquire(lock_of(condition_of(condition, "async_condition_acquire")));
}

void async_condition_release(async_condition *condition)
{
    async_lock_release(lock_of(condition_of(condition, "async_condition_release")));
}

bool async_condition_locked(const async_condition *condition)
{
    return async_lock_locked(lock_of(condition_of(condition, "async_condition_locked")));
}

static int wait_once(struct async_loop *loop, struct condition *condition)
{
    async_lock *lock = lock_of(condition);
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    async_lock_release(lock);
    int result = asyncp_stand_in_line(loop, &condition->waiters, "async_condition_wait", condition,
                                      asyncp_refuse_wait);
    asyncp_lock_reacquire(loop, lock);
    return result;
}

int async_condition_wait(async_condition *condition)
{
    struct async_loop *loop = loop_enter("async_condition_wait");
    return wait_once(loop, held(condition, "async_condition_wait"));
}

int async_condition_wait_for(async_condition *public_condition, bool (*predicate)(void *context),
                             void *context)
{
    struct async_loop *loop = loop_enter("async_condition_wait_for");
    struct condition *condition = held(public_condition, "async_condition_wait_for");
    ENSURE(predicate != NULL, "async_condition_wait_for: the predicate is NULL");
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    while (!predicate(context))
        ASYNC_TRY(wait_once(loop, condition));
    return paced(loop, PACE_STEP, 0);
}

void async_condition_notify(async_condition *public_condition, size_t count)
{
    struct condition *condition = held(public_condition, "async_condition_notify");
    struct waiter *next;
    while (count-- > 0 && (next = waiter_first(&condition->waiters)) != NULL)
        asyncp_wake(next->wait, next, 0);
}

void async_condition_notify_all(async_condition *condition)
{
    async_condition_notify(condition, SIZE_MAX);
}
