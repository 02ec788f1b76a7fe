/*
 * async_sleep_until.c: do something every period, without drift
 *
 * Pages: async_sleep_until
 */
#include <asyncio.h>
#include <stdio.h>

static int work(int tick)
{
    double seconds = tick == 1 ? 2.3 : 0.2; /* the second takes too long */
    printf("%.1f s: tick %d\n", async_time(), tick);
    return async_sleep(seconds);
}

static int amain(void)
{
    const double period = 1;
    double next = async_time();
    for (int tick = 0; tick < 4; tick++) {
        ASYNC_TRY(work(tick)); /* its time does not add to the period */
        int missed = 0;
        for (next += period; next < async_time(); next += period)
            missed++; /* skipped; otherwise they would follow at once */
        if (missed > 0)
            printf("%d missed\n", missed);
        ASYNC_TRY(async_sleep_until(next));
    }
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0; /* its time begins at 0 */
}

/* Prints:
 * 0.0 s: tick 0
 * 1.0 s: tick 1
 * 2 missed
 * 4.0 s: tick 2
 * 5.0 s: tick 3
 */
