/*
 * queues.h: queues of int, as expressions: constructors, which return NULL after an error, and gets
 * that return the item or the error. It includes the public header only, since the player of
 * conformance/ uses it.
 */
#ifndef TEST_QUEUES_H
#define TEST_QUEUES_H

#include <asyncio.h>

ASYNC_UNUSED static async_queue *new_queue(size_t maxsize, size_t item_size)
{
    async_queue *queue;
    async_ignore(async_queue_new(&queue, maxsize, item_size));
    return queue;
}

ASYNC_UNUSED static async_queue *new_lifo_queue(size_t maxsize, size_t item_size)
{
    async_queue *queue;
    async_ignore(async_lifo_queue_new(&queue, maxsize, item_size));
    return queue;
}

ASYNC_UNUSED static async_queue *new_priority_queue(size_t maxsize, size_t item_size,
                                                    int (*compare)(const void *a, const void *b))
{
    async_queue *queue;
    async_ignore(async_priority_queue_new(&queue, maxsize, item_size, compare));
    return queue;
}

/* An order for async_priority_queue_new. */
ASYNC_UNUSED static int compare_ints(const void *a, const void *b)
{
    int first = *(const int *)a, second = *(const int *)b;
    return (first > second) - (first < second);
}

ASYNC_UNUSED static int get_item(async_queue *queue)
{
    int item;
    ASYNC_TRY(async_queue_get(queue, &item));
    return item;
}
async_fn(get_item, async_queue *);

ASYNC_UNUSED static int get_item_nowait(async_queue *queue)
{
    int item;
    int result = async_queue_get_nowait(queue, &item);
    return result < 0 ? result : item;
}

/* For async_queue_on_drop: appends the item as a digit to the int at context. */
ASYNC_UNUSED static void append_dropped(void *item, void *context)
{
    *(int *)context = *(int *)context * 10 + *(const int *)item;
}

#endif
