/*
 * sync/lock.h: the contents of an async_lock, for conditions, async_select and the dump.
 */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "sched/wait.h"
#include <asyncio/sync.h>

struct lock {
    struct list waiters; /* empty while the lock is free */
    uint64_t owner;      /* the id of the holding task, LOCK_FREE or LOCK_NO_TASK */
};

#define LOCK_FREE    0
#define LOCK_NO_TASK UINT64_MAX /* acquired by a callback, or outside of a loop */

static inline bool lock_taken(const struct lock *lock)
{
    return lock->owner != LOCK_FREE;
}

/* Acquires the lock again at the end of a condition's wait. Cannot be cancelled. */
void asyncp_lock_reacquire(struct async_loop *loop, async_lock *lock);

/* The lock the wait is for; NULL if it waits for something else. */
const struct lock *asyncp_lock_waited_for(const struct wait *wait);

/*
 * The tasks waiting for the lock. A caller may append a waiter only in the step in which it found
 * the lock taken; its waker has transferred the lock.
 */
struct list *asyncp_lock_waiters(async_lock *lock);

#endif
