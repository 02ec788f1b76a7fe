/*
 * 9. A task that ignores its cancellation
 *
 * From `async_task_cancel` on, every call that would wait is refused with `-ECANCELED`. A loop that
 * does not look at results runs for ever, and a run does not end before its tasks have ended. (This
 * one gives up after a while.)
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * return the error: `ASYNC_TRY(async_sleep(1));`. Or answer the request with `async_task_uncancel`,
 * if the task is to continue.
 */
#include <asyncio.h>

static int watch(void)
{
    for (int seconds = 0; seconds < 1000; seconds++)
        async_ignore(async_sleep(1));
    return 0;
}
async_fn(watch);

static int amain(void)
{
    async_task *watcher = async_create_task(watch);
    async_task_cancel(watcher);
    return async_await(watcher);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
