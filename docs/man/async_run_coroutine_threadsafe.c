/*
 * async_run_coroutine_threadsafe.c: run a coroutine on the loop of another thread
 *
 * Pages: async_run_coroutine_threadsafe async_concurrent_future_result
 * async_concurrent_future_cancel async_concurrent_future_done
 * async_concurrent_future_free async_concurrent_future
 */
#include <asyncio.h>
#include <stdio.h>

static int double_slowly(int number)
{
    ASYNC_TRY(async_sleep(0.01));
    return number * 2;
}
async_fn(double_slowly, int);

static int hang(void)
{
    return async_sleep(ASYNC_FOREVER);
}
async_fn(hang);

/* Runs on a worker thread, but could be on any thread. */
static int ask(async_loop *loop)
{
    async_concurrent_future *future = async_run_coroutine_threadsafe(
        loop, double_slowly, 21);
    /* blocks this thread */
    int answer = async_concurrent_future_result(future, ASYNC_FOREVER);
    async_concurrent_future_free(future);

    future = async_run_coroutine_threadsafe(loop, hang);
    if (async_concurrent_future_result(future, 0) == -ETIMEDOUT &&
        !async_concurrent_future_done(future))
        async_concurrent_future_cancel(future);
    int silence = async_concurrent_future_result(future, ASYNC_FOREVER);
    async_concurrent_future_free(future);
    return silence == -ECANCELED ? answer : silence;
}
async_fn(ask, async_loop *);

static int amain(void)
{
    int answer;
    ASYNC_TRY(answer = async_to_thread(ask, async_get_loop()));
    printf("%d\n", answer);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 42
 */
