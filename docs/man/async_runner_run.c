/*
 * async_runner_run.c: run several coroutines, one after the other, on one loop
 *
 * Pages: async_runner_run async_runner async_auto_runner
 * async_runner_get_loop async_runner_close
 */
#include <asyncio.h>
#include <stdio.h>

static int boil(void)
{
    ASYNC_TRY(async_sleep(2));
    puts("the water boils");
    return 0;
}
async_fn(boil);

static int begin(void)
{
    async_detach(async_create_task(boil)); /* goes on in the next run */
    puts("the kettle is on");
    return 0;
}
async_fn(begin);

static int wait_a_while(double seconds)
{
    return async_sleep(seconds);
}
async_fn(wait_a_while, double);

int main(void)
{
    async_auto_runner runner = {.options = {.virtual_clock = true}};
    if (async_runner_run(&runner, begin) < 0)
        return 1;
    puts("here nothing runs");
    int result = async_runner_run(&runner, wait_a_while, 3);
    bool same = async_runner_get_loop(&runner) == async_get_loop();
    printf("the loop is %s\n", same ? "there still" : "gone");
    async_runner_close(&runner); /* the end of the block would do it, too */
    return result < 0;
}

/* Prints:
 * the kettle is on
 * here nothing runs
 * the water boils
 * the loop is there still
 */
