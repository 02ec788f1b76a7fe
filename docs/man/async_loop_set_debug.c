/*
 * async_loop_set_debug.c: switch debug mode on and off
 *
 * Pages: async_loop_set_debug async_loop_get_debug
 * async_loop_set_slow_callback_duration
 */
#include <asyncio.h>
#include <stdio.h>

static int suspicious(void)
{
    return async_sleep(0.01);
}
async_fn(suspicious);

static int amain(void)
{
    async_loop *loop = async_get_loop();
    async_loop_set_debug(loop, true);
    /* Reports tasks that hold the loop for 10 s. */
    ASYNC_TRY(async_loop_set_slow_callback_duration(loop, 10));
    int result = async_await(async_create_task(suspicious));
    printf("debug mode was %s\n", async_loop_get_debug(loop) ? "on" : "off");
    async_loop_set_debug(loop, false);
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * debug mode was on
 */
