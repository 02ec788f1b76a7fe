/*
 * 11. A queue that is freed before its consumer
 *
 * `async_auto_queue` frees the queue when the block is left, and the consumer still waits on it. It
 * gets `-ECANCELED`, as it does at Ctrl-C, and must not use the queue any more. Debug mode reports
 * it. A lock or an event in a frame has no call that frees it: see the next one.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * declare a task group after the queue, `ASYNC_TASK_GROUP(group);`, and create the consumer in it.
 * The group is left first, whatever happens, and ends its tasks.
 */
#include <asyncio.h>
#include <stdio.h>

static int consume(async_queue *queue)
{
    for (int item;;) {
        ASYNC_TRY(async_queue_get(queue, &item));
        printf("%d\n", item);
    }
}
async_fn(consume, async_queue *);

static int amain(void)
{
    int item = 7;
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(int)));
    async_task_detach(async_create_task(consume, queue));
    ASYNC_TRY(async_queue_put(queue, &item));
    return async_sleep(0.1);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
