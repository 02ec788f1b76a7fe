/*
 * 28. A queue that no task reads
 *
 * The consumer has ended at a bad item. The queue has room for two more, and then the producer
 * waits for room.
 *
 * let the consumer go on after a bad item. Or let it call `async_queue_shutdown(queue, true)`
 * before it returns: `async_queue_put` then returns -ESHUTDOWN. Or create both in a task group,
 * which cancels the producer when the consumer fails.
 */
#include <asyncio.h>
#include <stdio.h>

static int produce(async_queue *queue)
{
    for (int i = 0; i < 10; i++)
        ASYNC_TRY(async_queue_put(queue, &i));
    return 0;
}
async_fn(produce, async_queue *);

static int consume(async_queue *queue)
{
    for (int item;;) {
        ASYNC_TRY(async_queue_get(queue, &item));
        if (item == 3)
            return async_fail(-EINVAL, "item %d is bad", item);
    }
}
async_fn(consume, async_queue *);

static int amain(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 2, sizeof(int)));
    async_task *consumer = async_create_task(consume, queue);
    async_task *producer = async_create_task(produce, queue);
    ASYNC_TRY(async_await(producer));
    return async_await(consumer);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
