/*
 * sync/queue.h: the functions of a queue for async_select and the dump.
 */
#ifndef SYNC_QUEUE_H
#define SYNC_QUEUE_H

#include "sched/wait.h"
#include <asyncio/queue.h>

/* A task waiting to get or to put an item. Waking it has copied the item. */
struct item_waiter {
    struct waiter waiter;
    void *item; /* where to copy the item to (get) or from (put) */
};

/*
 * The waiting tasks, as struct item_waiter. A caller may append one only in the step in which it
 * found the queue empty (getters) or full (putters).
 */
struct list *asyncp_queue_getters(async_queue *queue);
struct list *asyncp_queue_putters(async_queue *queue);

/*
 * The number of items taken but not reported with async_queue_task_done, for a wait in
 * async_queue_join; 0 for any other wait.
 */
size_t asyncp_queue_unreported(const struct wait *wait);

#endif
