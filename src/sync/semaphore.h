/*
 * sync/semaphore.h: the functions of a semaphore for async_select.
 */
#ifndef SYNC_SEMAPHORE_H
#define SYNC_SEMAPHORE_H

#include "base/list.h"
#include <asyncio/sync.h>

/*
 * The tasks waiting for a permit. A caller may append a waiter only in the step in which it found
 * no free permit; its waker has transferred a permit.
 */
struct list *asyncp_semaphore_waiters(async_semaphore *semaphore);

#endif
