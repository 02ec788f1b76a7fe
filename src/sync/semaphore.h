/*
 * sync/semaphore.h: what async_select needs of a semaphore.
 */
#ifndef SYNC_SEMAPHORE_H
#define SYNC_SEMAPHORE_H

#include "base/list.h"
#include <asyncio/sync.h>

/*
 * The tasks that wait for a permit. A caller may append a waiter only in the step in which it found
 * no free permit; the one that wakes it has transferred a permit.
 */
struct list *asyncp_semaphore_waiters(async_semaphore *semaphore);

#endif
