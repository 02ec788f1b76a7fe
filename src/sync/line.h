/*
 * sync/line.h: where one stands to wait for each thing, for those who wait for several of them. Who
 * stands there has found the thing not ready, in the same turn; whoever wakes it has handed the
 * thing over.
 */
#ifndef SYNC_LINE_H
#define SYNC_LINE_H

#include "sched/wait.h"
#include <asyncio/queue.h>
#include <asyncio/sync.h>

/* A place in one of a queue's lines. */
struct transfer {
    struct waiter waiter; /* the place */
    void *item;           /* where the item goes, or comes from */
};

struct list *asyncp_queue_getters(async_queue *queue); /* of struct transfer */
struct list *asyncp_queue_putters(async_queue *queue); /* of struct transfer */
struct list *asyncp_event_line(async_event *event);
struct list *asyncp_lock_line(async_lock *lock);
struct list *asyncp_semaphore_line(async_semaphore *semaphore);

/*
 * Items taken from the queue that the wait joins, and not reported done; 0 if it is no join of a
 * queue.
 */
size_t asyncp_queue_unreported(const struct wait *wait);

#endif
