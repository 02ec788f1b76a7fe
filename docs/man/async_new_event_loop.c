/*
 * async_new_event_loop.c: run a loop from a host loop
 *
 * Pages: async_new_event_loop async_loop_step async_loop_fd
 * async_loop_timeout async_loop_close
 */
#include <asyncio.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>

static int blink(void)
{
    for (int i = 0; i < 3; i++) {
        puts(i % 2 ? "off" : "on");
        ASYNC_TRY(async_sleep(0.01));
    }
    return 0;
}
async_fn(blink);

/* Returns milliseconds for poll(2), rounded up. */
static int wait_ms(const async_loop *loop)
{
    double seconds = async_loop_timeout(loop);
    if (seconds == INFINITY)
        return -1; /* no limit */
    return seconds > 0 ? (int)(seconds * 1000) + 1 : 0;
}

int main(void)
{
    async_loop *loop;
    if (async_new_event_loop(&loop, &(async_run_options){.backend = "epoll"}) <
        0)
        return 1;
    async_task_detach(async_create_task(blink));
    do { /* a host loop adds its own descriptors here */
        struct pollfd polled = {.fd = async_loop_fd(loop), .events = POLLIN};
        poll(&polled, 1, wait_ms(loop));
    } while (async_loop_step(loop, 0) > 0); /* while there are tasks */
    async_loop_close(loop);
    return 0;
}

/* Prints:
 * on
 * off
 * on
 */
