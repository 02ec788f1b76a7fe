/*
 * async_loop_run_forever.c: run a loop until it is stopped
 *
 * Pages: async_loop_run_forever async_loop_run_until_complete
 * async_loop_stop async_loop_is_running
 */
#include <asyncio.h>
#include <stdio.h>

static void ring(void *loop)
{
    printf("ring%s\n", async_loop_is_running((async_loop *)loop) ? "" : "?");
    async_loop_stop((async_loop *)loop);
}

static int cook(void)
{
    ASYNC_TRY(async_sleep(60));
    return 4;
}
async_fn(cook);

int main(void)
{
    async_run_options options = {.virtual_clock = true};
    async_loop *loop;
    if (async_new_event_loop(&loop, &options) < 0)
        return 1;
    async_task *dinner = async_create_task(cook);
    async_call_later(10, ring, loop);
    async_loop_run_forever(loop);
    printf("stopped after %g s\n", async_time());
    int plates = async_loop_run_until_complete(loop, dinner);
    printf("%d plates after %g s\n", plates, async_time());
    async_loop_close(loop);
    return 0;
}

/* Prints:
 * ring
 * stopped after 10 s
 * 4 plates after 60 s
 */
