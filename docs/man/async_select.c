/*
 * async_select.c: wait for one of several things
 *
 * Pages: async_select async_on_get async_on_put async_on_event async_on_timeout
 */
#include <asyncio.h>
#include <stdio.h>

static int produce(async_queue *numbers, async_event *stop)
{
    for (int number = 1; number <= 2; number++) {
        ASYNC_TRY(async_sleep(1));
        ASYNC_TRY(
            async_select(async_on_put(numbers, &number), async_on_event(stop)));
    }
    ASYNC_TRY(async_sleep(5));
    async_event_set(stop);
    return 0;
}
async_fn(produce, async_queue *, async_event *);

static int amain(void)
{
    async_auto_queue *numbers = NULL;
    ASYNC_TRY(async_queue_new(&numbers, 0, sizeof(int)));
    async_event stop = {0};
    async_task *producer = async_create_task(produce, numbers, &stop);
    int number, which;
    do {
        ASYNC_TRY(which = async_select(async_on_get(numbers, &number),
                                       async_on_event(&stop),
                                       async_on_timeout(3)));
        if (which == 0)
            printf("%d\n", number);
        else
            puts(which == 1 ? "stopped" : "no number for three seconds");
    } while (which != 1);
    return async_await(producer);
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain);
}

/* Prints:
 * 1
 * 2
 * no number for three seconds
 * stopped
 */
