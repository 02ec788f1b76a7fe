/*
 * 4_gather.c: three tasks that each block the loop for a second: 4 seconds in total.
 *
 * sleep blocks the whole thread, so the three seconds add up. async_sleep suspends only the task
 * that calls it, so these pauses overlap: one second after the last sleep. With ASYNCIO_DEBUG=1 the
 * library reports each task that blocked the loop for a long time, and the line of the program that
 * created the task.
 */
#include <asyncio.h>
#include <stdio.h>
#include <unistd.h>

static int count(void)
{
    puts("One");
    sleep(1); /* a deliberate mistake */
    ASYNC_TRY(async_sleep(1));
    puts("Two");
    return 0;
}
async_fn(count);

static int amain(void)
{
    return async_gather(async_create_task(count), async_create_task(count),
                        async_create_task(count));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
