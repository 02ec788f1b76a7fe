/*
 * sync/lock.c: Lock. A lock that is given back goes straight to the task that has waited longest:
 * it is never free while anybody waits, so who comes later can only stand behind. It knows whose it
 * is, for people who look for what holds everything up; nothing else depends on that.
 */
#include "sync/lock.h"
#include "sched/fork.h"
#include "sched/pace.h"
#include "sync/line.h"

_Static_assert(sizeof(async_lock) >= sizeof(struct lock), "the public struct holds the lock");
_Static_assert(_Alignof(async_lock) >= _Alignof(struct lock), "and is aligned for it");

static struct lock *lock_of(const async_lock *lock, const char *call)
{
    ENSURE(lock != NULL, "%s: the lock is NULL", call);
    return (struct lock *)(uintptr_t)lock;
}

/* The calls that wait for a lock; known by their addresses. */
static const char acquire_call[] = "async_lock_acquire";
static const char reacquire_call[] = "async_condition_wait";

/*
 * Not certain to be a mistake, because another task may release the lock; debug mode tells of it.
 */
OUT_OF_LINE static int wait_for_lock(struct async_loop *loop, struct lock *lock)
{
    const struct async_task *self = loop_running(loop)->task;
    if (unlikely(loop_is_debug(loop) && lock->owner == self->id))
        asyncp_report("%s acquires a lock that it holds already, and waits for ever unless another "
                      "task releases it; "
                      "release it first, or let only the outer function acquire it",
                      asyncp_label(self).text);
    return asyncp_stand_in_line(loop, &lock->waiters, acquire_call, lock, asyncp_refuse_wait);
}

int async_lock_acquire(async_lock *public_lock)
{
    struct async_loop *loop = loop_enter(acquire_call);
    struct lock *lock = lock_of(public_lock, acquire_call);
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
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
           "async_lock_release: nobody has the lock; it was released before, or never taken");
    struct waiter *next = waiter_first(&lock->waiters);
    lock->owner = LOCK_NOBODY;
    if (unlikely(next != NULL) && !line_is_empty(&lock->waiters)) {
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
        asyncp_stand_in_line(loop, &lock->waiters, reacquire_call, lock, NULL);
}

const struct lock *asyncp_lock_waited_for(const struct wait *wait)
{
    return wait->call == acquire_call || wait->call == reacquire_call ? wait->object : NULL;
}

struct list *asyncp_lock_line(async_lock *lock)
{
    return &lock_of(lock, "async_select")->waiters;
}
