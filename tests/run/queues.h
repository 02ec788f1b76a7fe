/*
 * queues.h: the constructors of queues as expressions. They return NULL after an error.
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

#endif
