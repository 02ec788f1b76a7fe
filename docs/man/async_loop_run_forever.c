/*
 * async_loop_run_forever.c: run a loop until it is stopped
 *
 * Pages: async_loop_run_forever async_loop_run_until_complete async_loop_stop
 * async_loop_is_running
 */
#include <asyncio.h>
#include <stdio.h>

static int serve(async_loop *loop)
{
    for (int request = 1; request <= 3; request++) {
        ASYNC_TRY(async_sleep(1));
        printf("request %d\n", request);
    }
    puts(async_loop_is_running(loop) ? "enough for now" : "not running");
    async_loop_stop(loop);
    ASYNC_TRY(async_sleep(1)); /* continues when the loop runs again */
    return 3;
}
async_fn(serve, async_loop *);

int main(void)
{
    async_loop *loop;
    if (async_new_event_loop(&loop,
                             &(async_run_options){.virtual_clock = true}) < 0)
        return 1;
    async_task *server = async_create_task(serve, loop);
    async_loop_run_forever(loop);
    puts("stopped");

    int requests = async_loop_run_until_complete(loop, server);
    printf("%d requests; the loop is %s\n", requests,
           async_loop_is_running(loop) ? "running" : "not running");
    async_loop_close(loop);
    return 0;
}

/* Prints:
 * request 1
 * request 2
 * request 3
 * enough for now
 * stopped
 * 3 requests; the loop is not running
 */
