/*
 * 4_gather.c: three counts at once, each of which blocks the loop for a second: 4 seconds in all.
 *
 * sleep stops the whole thread, so the three take turns: 3 seconds. async_sleep stops only the task
 * that calls it, so those pauses overlap: one second more after the last. Whatever blocks shows up
 * when you run it with ASYNCIO_DEBUG=1, which names each task that held the loop for long and the
 * line that created it.
 */
#include <asyncio.h>
#include <stdio.h>
#include <unistd.h>

static int count(void)
{
    puts("One");
    sleep(1); /* a mistake, made on purpose */
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
