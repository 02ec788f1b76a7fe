/*
 * async_barrier_wait.c: let tasks wait for each other
 *
 * Pages: async_barrier_wait async_barrier_reset async_barrier_abort
 * async_barrier_n_waiting async_barrier_broken async_barrier
 */
#include <asyncio.h>
#include <stdio.h>

/* A climb in stages: each stage begins when all have reached the camp. */
static int climb(async_barrier *camp, const char *name, double hours)
{
    for (int stage = 1; stage <= 2; stage++) {
        ASYNC_TRY(async_sleep(hours * 3600));
        int place;
        ASYNC_TRY(place = async_barrier_wait(camp)); /* 0 for the first */
        printf("%2.0f h: %s leaves camp %d, position %d\n", async_time() / 3600,
               name, stage, place);
    }
    return 0;
}
async_fn(climb, async_barrier *, const char *, double);

static int stop_climb(async_barrier *camp)
{
    ASYNC_TRY(async_sleep(10 * 3600));
    printf("10 h: a storm; %d wait\n", async_barrier_n_waiting(camp));
    async_barrier_abort(camp); /* also for later callers */
    return 0;
}
async_fn(stop_climb, async_barrier *);

static int amain(void)
{
    async_barrier camp = {.parties = 3};
    async_task *all[] = {async_create_task(climb, &camp, "Ada", 2),
                         async_create_task(climb, &camp, "Bob", 4),
                         async_create_task(climb, &camp, "Cleo", 6.5),
                         async_create_task(stop_climb, &camp)};
    int results[4];
    ASYNC_TRY(async_gather_n(all, 4, results, ASYNC_RETURN_EXCEPTIONS));
    printf("Ada: %s\n", async_strerror(results[0]));
    printf("%s\n", async_barrier_broken(&camp) ? "broken" : "whole");
    async_barrier_reset(&camp); /* for the next climb */
    printf("%s\n", async_barrier_broken(&camp) ? "broken" : "whole");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 *  6 h: Cleo leaves camp 1, position 2
 *  6 h: Ada leaves camp 1, position 0
 *  6 h: Bob leaves camp 1, position 1
 * 10 h: a storm; 1 wait
 * Ada: -EPIPE: the barrier was reset or aborted during the wait
 * broken
 * whole
 */
