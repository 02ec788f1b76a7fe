/*
 * async_sleep.c: let other tasks run for a while
 *
 * Pages: async_sleep async_time
 */
#include <asyncio.h>
#include <stdio.h>

static int tick(double every, const char *sound)
{
    for (int i = 0; i < 3; i++) {
        ASYNC_TRY(async_sleep(every));
        printf("%.1f s: %s\n", async_time(), sound);
    }
    return 0;
}
async_fn(tick, double, const char *);

static int amain(void)
{
    return async_gather(async_create_task(tick, 1, "tick"),
                        async_create_task(tick, 2.5, "tock"));
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0; /* its time begins at 0 */
}

/* Prints:
 * 1.0 s: tick
 * 2.0 s: tick
 * 2.5 s: tock
 * 3.0 s: tick
 * 5.0 s: tock
 * 7.5 s: tock
 */
