/*
 * async_run_coroutine_threadsafe.c: run a coroutine on another thread's loop
 *
 * Pages: async_run_coroutine_threadsafe async_concurrent_future
 * async_concurrent_future_result async_concurrent_future_cancel
 * async_concurrent_future_done async_concurrent_future_free
 */
#include <asyncio.h>
#include <math.h>
#include <stdio.h>

/* On the loop's thread, as a task. */
static int add(int a, int b)
{
    ASYNC_TRY(async_sleep(0.01));
    return a + b;
}
async_fn(add, int, int);

static int wait_for_ever(void)
{
    return async_sleep(INFINITY);
}
async_fn(wait_for_ever);

/* On a thread that has no loop, and may block. */
static int ask(async_loop *loop)
{
    async_concurrent_future *sum, *never;
    sum = async_run_coroutine_threadsafe(loop, add, 3, 4);
    never = async_run_coroutine_threadsafe(loop, wait_for_ever);
    printf("the sum is %d\n", async_concurrent_future_result(sum, INFINITY));
    if (async_concurrent_future_result(never, 0.01) == -ETIMEDOUT)
        puts("too long");
    async_concurrent_future_cancel(never);
    if (async_concurrent_future_result(never, INFINITY) == -ECANCELED)
        puts("cancelled");
    printf("%d\n", async_concurrent_future_done(never));
    async_concurrent_future_free(never);
    async_concurrent_future_free(sum);
    return 0;
}
async_fn(ask, async_loop *);

static int amain(void)
{
    return async_to_thread(ask, async_get_loop());
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * the sum is 7
 * too long
 * cancelled
 * 1
 */
