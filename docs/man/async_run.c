/*
 * async_run.c: start a loop and run a coroutine on it
 *
 * Pages: async_run async_run_with async_run_options async_main async_main_with
 */
#include <asyncio.h>
#include <stdio.h>

static int wait_an_hour(void)
{
    ASYNC_TRY(async_sleep(3600));
    return 7;
}
async_fn(wait_an_hour);

static int count(int up_to)
{
    for (int i = 1; i <= up_to; i++)
        printf("%d\n", i);
    return 0;
}
async_fn(count, int);

int main(void)
{
    /* an hour passes at once */
    async_run_options options = {.virtual_clock = true};
    printf("%d\n", async_run_with(&options, wait_an_hour));

    if (async_run(count, 2) < 0) /* returns the result */
        return 1;
    if (async_main(count, 1) != 0) /* returns an exit status */
        return 1;

    /* a service: SIGTERM cancels it, and the end takes 10 s at most */
    options = (async_run_options){.cancel_on_sigterm = true,
                                  .shutdown_timeout = 10};
    return async_main_with(&options, count, 1);
}

/* Prints:
 * 7
 * 1
 * 2
 * 1
 * 1
 */
