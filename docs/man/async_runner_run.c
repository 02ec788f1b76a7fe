/*
 * async_runner_run.c: run several coroutines on one loop
 *
 * Pages: async_runner_run async_runner_get_loop async_runner_close
 * async_auto_runner async_runner
 */
#include <asyncio.h>
#include <stdio.h>

static int blink(void)
{
    for (;;) {
        printf("%.0f: blink\n", async_time());
        ASYNC_TRY(async_sleep(2));
    }
}
async_fn(blink);

static int set_up(void)
{
    async_task_detach(async_create_task(blink)); /* continues in later runs */
    return async_sleep(1);
}
async_fn(set_up);

static int work(int seconds)
{
    ASYNC_TRY(async_sleep(seconds));
    return seconds;
}
async_fn(work, int);

int main(void)
{
    async_auto_runner runner = {.options = {.virtual_clock = true}};
    if (async_runner_run(&runner, set_up) < 0)
        return 1;
    puts("between two runs no task runs");
    int result = async_runner_run(&runner, work, 4);
    printf("= %d\n", result);

    /* cancels blink; also done when the block is left */
    async_runner_close(&runner);
    printf("%s\n",
           async_runner_get_loop(&runner) != NULL ? "a new loop" : "no memory");
    return 0;
}

/* Prints:
 * 0: blink
 * between two runs no task runs
 * 2: blink
 * 4: blink
 * = 4
 * a new loop
 */
