/*
 * async_task_wait.c: let many tasks wait for one task
 *
 * Pages: async_task_wait
 */
#include <asyncio.h>
#include <stdio.h>

static async_task *loading; /* the running load, or NULL */

static int load(void)
{
    puts("loading");
    ASYNC_TRY(async_sleep(2));
    return 42;
}
async_fn(load);

static int get(double seconds)
{
    if (loading == NULL)
        loading = async_create_task(load);
    return async_timeout(seconds, async_task_wait(loading));
}
async_fn(get, double);

static int amain(void)
{
    async_task *gets[] = {async_create_task(get, 1.0),
                          async_create_task(get, 9.0),
                          async_create_task(get, 9.0)};
    int results[3];
    async_ignore(async_gather_n(gets, 3, results, ASYNC_RETURN_EXCEPTIONS));
    /* its time limit expired; the load continued for the others */
    puts(async_strerror(results[0]));
    printf("%d %d\n", results[1], results[2]);
    async_task_detach(loading);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * loading
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 * 42 42
 */
