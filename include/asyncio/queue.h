/*
 * asyncio/queue.h: Queue, LifoQueue and PriorityQueue. Items are held by value: a queue of struct
 * letter copies letters in and out. The macros carry the item's size, so that a wrong pointer is
 * caught.
 *
 * Queues are FIFO to those who wait: an item goes to the task that has waited longest, and nobody
 * who comes later can take it first. They may be made before the loop and freed after it; in
 * between they belong to one loop's thread.
 */
#ifndef ASYNCIO_QUEUE_H
#define ASYNCIO_QUEUE_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

typedef struct async_queue async_queue;

/*
 * Creates a queue of items of item_size bytes, 1 to 1 GiB.
 *
 * maxsize is the most items that it holds; 0: as many as memory does.
 *
 * The caller owns *queue and frees it with async_queue_free; after an error it is NULL.
 * Returns 0; -ENOMEM; -EINVAL if item_size is out of range or queue is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_queue_new(async_queue **queue, size_t maxsize, size_t item_size);

/*
 * Creates a queue that gives the newest item first; otherwise like async_queue_new.
 *
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_lifo_queue_new(async_queue **queue, size_t maxsize,
                                              size_t item_size);

/*
 * Creates a queue that gives the smallest item first; otherwise like async_queue_new.
 *
 * compare(a, b) is negative if a comes before b, as for qsort(3); it must not use the queue. Equal
 * items come in no particular order.
 *
 * Returns -EINVAL also if compare is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_priority_queue_new(async_queue **queue, size_t maxsize,
                                                  size_t item_size,
                                                  int (*compare)(const void *a, const void *b));

/*
 * Frees the queue; items still in it are dropped (see async_queue_on_drop). Tasks that wait on it
 * get -ECANCELED and must not use it again; debug mode names them. A task group that is declared
 * after the queue ends its tasks first.
 *
 * Takes the queue. NULL is nothing.
 * Never switches.
 */
ASYNC_API void async_queue_free(async_queue *queue);

/*
 * Has drop(item, context) called for each item that the queue throws away, in async_queue_free and
 * in an immediate shutdown: for items that own memory. drop must not use the queue. Never switches.
 */
ASYNC_API void async_queue_on_drop(async_queue *queue, void (*drop)(void *item, void *context),
                                   void *context);

/*
 * async_queue_put(queue, &item): copies the item in, waiting while the queue is full. On an error
 * the item was not put. -ESHUTDOWN: the queue was shut down. -ECANCELED: also if the queue was
 * freed meanwhile. -ENOMEM. Switches.
 */
#define async_queue_put(queue, ...) asyncp_queue_put((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * async_queue_get(queue, &item): copies the next item out, waiting while the queue is empty.
 * -ESHUTDOWN: it was shut down and is empty. -ECANCELED: no item was taken, also because the queue
 * was freed meanwhile. Switches.
 */
#define async_queue_get(queue, ...) asyncp_queue_get((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * async_queue_put_nowait(queue, &item): put without waiting. -EAGAIN: full. -ESHUTDOWN, -ENOMEM.
 * Never switches.
 */
#define async_queue_put_nowait(queue, ...)                                                         \
    asyncp_queue_put_nowait((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * async_queue_get_nowait(queue, &item): get without waiting. -EAGAIN: empty. -ESHUTDOWN. Never
 * switches.
 */
#define async_queue_get_nowait(queue, ...)                                                         \
    asyncp_queue_get_nowait((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/* How many items can be taken now. Never switches. */
ASYNC_API size_t async_queue_qsize(const async_queue *queue);

/* How many items it holds at most; 0: any number. Never switches. */
ASYNC_API size_t async_queue_maxsize(const async_queue *queue);

/* Whether async_queue_get_nowait would find nothing. Never switches. */
ASYNC_API bool async_queue_empty(const async_queue *queue);

/* Whether async_queue_put_nowait would find no room. Never switches. */
ASYNC_API bool async_queue_full(const async_queue *queue);

/*
 * Says that the work on one item that was taken is done; once for each item, or the program is
 * ended with a message. Never switches.
 */
ASYNC_API void async_queue_task_done(async_queue *queue);

/*
 * Waits until every item ever put was taken and reported done. 0. -ECANCELED, as async_queue_get.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_queue_join(async_queue *queue);

/*
 * Closes the queue: puts fail with -ESHUTDOWN from now on, those that wait included; gets take what
 * is left and then fail too. immediate: what is left is dropped and counts as done. Never switches.
 */
ASYNC_API void async_queue_shutdown(async_queue *queue, bool immediate);

/* What the macros stand on: size is sizeof *item and must be the queue's item_size. */
ASYNC_API ASYNC_MUST int asyncp_queue_put(async_queue *queue, const void *item, size_t size);
ASYNC_API ASYNC_MUST int asyncp_queue_get(async_queue *queue, void *item, size_t size);
ASYNC_API ASYNC_MUST int asyncp_queue_put_nowait(async_queue *queue, const void *item, size_t size);
ASYNC_API ASYNC_MUST int asyncp_queue_get_nowait(async_queue *queue, void *item, size_t size);

/* For async_auto_queue. */
static inline void asyncp_auto_queue(async_queue **queue)
{
    async_queue_free(*queue);
}

/* async_auto_queue *q = async_queue_new(…): freed when the block is left. */
#define async_auto_queue ASYNC_CLEANUP(asyncp_auto_queue) async_queue

ASYNC_END_C
#endif
