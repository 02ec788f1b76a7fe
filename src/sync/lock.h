/*
 * sync/lock.h: what lies in an async_lock, for those who hand locks over or tell of them.
 */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "sched/wait.h"
#include <asyncio/sync.h>

struct lock {
    struct list waiters; /* tasks that wait for it; there are none while it is free */
    uint64_t owner;      /* the number of the task that has it; LOCK_NOBODY, or LOCK_NO_TASK */
};

#define LOCK_NOBODY  0          /* it is free */
#define LOCK_NO_TASK UINT64_MAX /* a callback took it, or it was taken outside of a loop */

static inline bool lock_taken(const struct lock *lock)
{
    return lock->owner != LOCK_NOBODY;
}

/* Takes the lock, which was given back for a while; cannot be refused. */
void asyncp_lock_reacquire(struct async_loop *loop, async_lock *lock);

/* The lock that the wait is for; NULL: it is for something else. */
const struct lock *asyncp_lock_waited_for(const struct wait *wait);

#endif
