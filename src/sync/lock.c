/*
 * sync/lock.c: async_lock. A released lock goes directly to the longest-waiting task: it is
 * never free while tasks wait, so a later caller cannot overtake them. The owner is recorded for
 * the dump and for debug mode; nothing else depends on it.
 */
#include "sync/lock.h"
#include "base/values.h"
#include "sched/current.h"
#include "sched/pace.h"
#include "sys/report.h"

_Static_assert(sizeof(async_lock) >= sizeof(struct lock) &&
                   _Alignof(async_lock) >= _Alignof(struct lock),
               "async_lock must have room for struct lock");

/* A wait for a lock is recognised by the address of its call. */
static const char acquire_call[] = "async_lock_acquire";
static const char reacquire_call[] = "async_condition_wait";

static struct lock *lock_of(const async_lock *lock, const char *call)
{
    ENSURE(lock != NULL, "%s: the lock is NULL", call);
    return unconst(lock);
}

/*
 * A task acquiring its own lock again is not stopped, because another task may release the lock;
 * debug mode reports it.
 */
OUT_OF_LINE static int wait_for_lock(struct async_loop *loop, struct lock *lock)
{
    const struct async_task *self = loop_running(loop)->task;
    if (unlikely(loop_is_debug(loop) && lock->owner == self->id))
        asyncp_report(
            "%s acquires a lock that it already holds, and waits forever unless another task "
            "releases it; release it first, or acquire it only in the outer function",
            asyncp_label(self).text);
    return asyncp_wait_in_list(loop, &lock->waiters, acquire_call, lock, asyncp_cancel_wait);
}

int async_lock_acquire(async_lock *public_lock)
{
    struct async_loop *loop = loop_enter(acquire_call);
    struct lock *lock = lock_of(public_lock, acquire_call);
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (unlikely(lock_taken(lock)))
        return wait_for_lock(loop, lock);
    lock->owner = loop_running(loop)->task->id;
    return paced(loop, PACE_STEP, 0);
}

int async_lock_acquire_nowait(async_lock *public_lock)
{
    const struct async_loop *loop = asyncp_current;
    struct lock *lock = lock_of(public_lock, "async_lock_acquire_nowait");
    if (lock_taken(lock))
        return -EAGAIN;
    lock->owner = loop != NULL && loop_running(loop) != NULL ? loop_running(loop)->task->id
                                                             : LOCK_NO_TASK;
    return 0;
}

void async_lock_release(async_lock *public_lock)
{
    struct lock *lock = lock_of(public_lock, "async_lock_release");
    ENSURE(lock_taken(lock),
           "async_lock_release: the lock is not held; it was released already, or never acquired");
    struct waiter *next = waiter_first(&lock->waiters);
    lock->owner = LOCK_FREE;
    if (unlikely(next != NULL) && !waiters_is_empty(&lock->waiters)) {
        lock->owner = next->wait->coroutine->task->id;
        asyncp_wake(next->wait, next, 0);
    }
}

bool async_lock_locked(const async_lock *lock)
{
    return lock_taken(lock_of(lock, "async_lock_locked"));
}

void asyncp_lock_reacquire(struct async_loop *loop, async_lock *public_lock)
{
    struct lock *lock = lock_of(public_lock, reacquire_call);
    if (!lock_taken(lock))
        lock->owner = loop_running(loop)->task->id;
    else
        asyncp_wait_in_list(loop, &lock->waiters, reacquire_call, lock, NULL);
}

const struct lock *asyncp_lock_waited_for(const struct wait *wait)
{
    return wait->call == acquire_call || wait->call == reacquire_call ? wait->object : NULL;
}

struct list *asyncp_lock_waiters(async_lock *lock)
{
    return &lock_of(lock, "async_select")->waiters;
}
