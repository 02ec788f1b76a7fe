/*
 * 23. A consumer that waits for ever
 *
 * The producer has ended, and the consumer waits for one more item.
 *
 * call `async_queue_shutdown(queue, false)` after the last item: `async_queue_get` then returns
 * -ESHUTDOWN when the queue is empty.
 */
#include <asyncio.h>
#include <stdio.h>

static int produce(async_queue *queue)
{
    for (int i = 0; i < 3; i++)
        ASYNC_TRY(async_queue_put(queue, &i));
    return 0;
}
async_fn(produce, async_queue *);

static int consume(async_queue *queue)
{
    int item;
    while (async_queue_get(queue, &item) == 0)
        printf("item %d\n", item);
    return 0;
}
async_fn(consume, async_queue *);

static int amain(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(int)));
    return async_gather(async_create_task(produce, queue), async_create_task(consume, queue));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
