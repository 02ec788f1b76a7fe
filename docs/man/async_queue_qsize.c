/*
 * async_queue_qsize.c: inspect a queue
 *
 * Pages: async_queue_qsize async_queue_maxsize async_queue_item_size
 * async_queue_empty async_queue_full
 */
#include <asyncio.h>
#include <stdio.h>

static int amain(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 3, sizeof(int)));
    for (int i = 0; !async_queue_full(queue); i++)
        ASYNC_TRY(async_queue_put(queue, &i));
    printf("%zu of %zu\n", async_queue_qsize(queue),
           async_queue_maxsize(queue));
    printf("%zu bytes each\n", async_queue_item_size(queue));
    for (int i; !async_queue_empty(queue);)
        ASYNC_TRY(async_queue_get(queue, &i));
    printf("%zu of %zu\n", async_queue_qsize(queue),
           async_queue_maxsize(queue));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 3 of 3
 * 4 bytes each
 * 0 of 3
 */
