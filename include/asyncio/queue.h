/*
 * asyncio/queue.h: queues: FIFO, LIFO and by priority (Queue, LifoQueue, PriorityQueue).
 *
 *     async_auto_queue *jobs = NULL;
 *     ASYNC_TRY(async_queue_new(&jobs, 100, sizeof(struct job)));
 *     ASYNC_TRY(async_queue_put(jobs, &job)); // in one task
 *     ASYNC_TRY(async_queue_get(jobs, &job)); // in another
 *
 * Items are held by value: putting and getting copies them. Waiting tasks are served in FIFO order
 * with direct hand-off: an item goes to the first waiting task, and a later call cannot take it.
 *
 * A queue may be created before the loop and freed after it. While the loop exists, only its thread
 * may use the queue.
 */
#ifndef ASYNCIO_QUEUE_H
#define ASYNCIO_QUEUE_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

typedef struct async_queue async_queue;

/*
 * Creates a FIFO queue.
 *
 * maxsize is the largest number of items; 0: no limit. item_size is the size of an item in bytes, 1
 * to 1 GiB.
 *
 * The caller owns *queue and frees it with async_queue_free; after an error it is NULL.
 * Returns 0; -ENOMEM; -EINVAL if item_size is out of range or queue is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_queue_new(async_queue **queue, size_t maxsize, size_t item_size);

/*
 * Creates a LIFO queue, which returns the newest item first; otherwise like async_queue_new.
 *
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_lifo_queue_new(async_queue **queue, size_t maxsize,
                                              size_t item_size);

/*
 * Creates a priority queue, which returns the smallest item first; otherwise like async_queue_new.
 *
 * compare(a, b) is negative if a comes before b, as for qsort(3). It must not use the queue. The
 * order of equal items is unspecified.
 *
 * Returns 0 or an error of async_queue_new; -EINVAL also if compare is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_priority_queue_new(async_queue **queue, size_t maxsize,
                                                  size_t item_size,
                                                  int (*compare)(const void *a, const void *b));

/*
 * Frees the queue and drops its items (see async_queue_on_drop).
 *
 * Waiting tasks get -ECANCELED and must not use the queue again; debug mode reports them. Declare a
 * queue before the task group whose tasks use it: the tasks then end before the queue is freed.
 *
 * Takes the queue. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_queue_free(async_queue *queue);

/*
 * Sets a function to be called for each dropped item, in async_queue_free and in an immediate
 * async_queue_shutdown: for items that own memory.
 *
 * drop(item, context) must not use the queue.
 *
 * Borrows context as long as the queue exists.
 * Never switches.
 */
ASYNC_API void async_queue_on_drop(async_queue *queue, void (*drop)(void *item, void *context),
                                   void *context);

/*
 * int async_queue_put(async_queue *queue, const TYPE *item)
 *
 * Puts an item into the queue, waiting while the queue is full. The size of *item must be the
 * queue's item_size; otherwise the program is aborted with an error message.
 *
 * Copies the item. After an error it was not put.
 * Returns 0; -ESHUTDOWN if the queue was shut down; -ECANCELED also if the queue was freed
 * meanwhile.
 * Switches.
 */
#define async_queue_put(queue, ...) asyncp_queue_put((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * int async_queue_get(async_queue *queue, TYPE *item)
 *
 * Takes the next item from the queue, waiting while the queue is empty. The size of *item must be
 * the queue's item_size; otherwise the program is aborted with an error message. After an error no
 * item was taken.
 *
 * Returns 0; -ESHUTDOWN if the queue was shut down and is empty; -ECANCELED also if the queue was
 * freed meanwhile.
 * Switches.
 */
#define async_queue_get(queue, ...) asyncp_queue_get((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * int async_queue_put_nowait(async_queue *queue, const TYPE *item)
 *
 * Puts an item into the queue if it is not full.
 *
 * Copies the item. After an error it was not put.
 * Returns 0; -EAGAIN if the queue is full; -ESHUTDOWN if the queue was shut down; -ENOMEM.
 * Never switches.
 */
#define async_queue_put_nowait(queue, ...)                                                         \
    asyncp_queue_put_nowait((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * int async_queue_get_nowait(async_queue *queue, TYPE *item)
 *
 * Takes the next item from the queue if there is one.
 *
 * Returns 0; -EAGAIN if the queue is empty; -ESHUTDOWN if the queue is empty and was shut down.
 * Never switches.
 */
#define async_queue_get_nowait(queue, ...)                                                         \
    asyncp_queue_get_nowait((queue), (__VA_ARGS__), sizeof *(__VA_ARGS__))

/*
 * Returns the number of items in the queue.
 * Never switches.
 */
ASYNC_API size_t async_queue_qsize(const async_queue *queue);

/*
 * Returns the largest number of items; 0 if there is no limit.
 * Never switches.
 */
ASYNC_API size_t async_queue_maxsize(const async_queue *queue);

/*
 * Returns the size of an item in bytes.
 * Never switches.
 */
ASYNC_API size_t async_queue_item_size(const async_queue *queue);

/*
 * Returns true if the queue is empty.
 * Never switches.
 */
ASYNC_API bool async_queue_empty(const async_queue *queue);

/*
 * Returns true if the queue is full.
 * Never switches.
 */
ASYNC_API bool async_queue_full(const async_queue *queue);

/*
 * Reports the work on one taken item as done. More calls than items abort the program with an error
 * message.
 *
 * Never switches.
 */
ASYNC_API void async_queue_task_done(async_queue *queue);

/*
 * Reports that the work on one taken item has failed. In a queue of this process that is the same
 * as async_queue_task_done. A queue in Redis delivers the item again (asyncio/redis_queue.h).
 *
 * error is the reason, a negative errno; otherwise the program is aborted with an error message.
 *
 * Never switches.
 */
ASYNC_API void async_queue_task_failed(async_queue *queue, int error);

/*
 * Waits until all items put into the queue have been taken and reported done.
 *
 * Returns 0; -ECANCELED also if the queue was freed meanwhile.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_queue_join(async_queue *queue);

/*
 * Shuts the queue down: puts, also waiting ones, fail with -ESHUTDOWN from now on. Gets take the
 * remaining items and then fail too.
 *
 * immediate drops the remaining items (see async_queue_on_drop) and counts them as done.
 *
 * Never switches.
 */
ASYNC_API void async_queue_shutdown(async_queue *queue, bool immediate);

/* For the macros. size is sizeof *item. */
ASYNC_API ASYNC_MUST int asyncp_queue_put(async_queue *queue, const void *item, size_t size);
ASYNC_API ASYNC_MUST int asyncp_queue_get(async_queue *queue, void *item, size_t size);
ASYNC_API ASYNC_MUST int asyncp_queue_put_nowait(async_queue *queue, const void *item, size_t size);
ASYNC_API ASYNC_MUST int asyncp_queue_get_nowait(async_queue *queue, void *item, size_t size);

static inline void asyncp_auto_queue(async_queue **queue)
{
    async_queue_free(*queue);
}

/*
 * async_auto_queue *queue = NULL;
 *
 * Declares a queue and frees it when the block is left.
 */
#define async_auto_queue ASYNC_CLEANUP(asyncp_auto_queue) async_queue

ASYNC_END_C
#endif
