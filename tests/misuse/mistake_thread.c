/*
 * 10. A call from another thread
 *
 * A loop, its tasks, its queues and its locks belong to the thread that runs it. They are not
 * protected against other threads. This call is noticed in any mode; others, such as a put into a
 * queue, are not always, and are data races.
 *
 * send a function to the loop: `async_call_soon_threadsafe(loop, cancel, task)`, where `cancel` is
 * a function that calls `async_task_cancel`, and `loop` is what `async_get_loop()` gave in `amain`.
 * To have a coroutine run there and to wait for its result, use `async_run_coroutine_threadsafe`.
 * For a function that only blocks, no thread of your own is needed: use `async_to_thread`.
 */
#include <asyncio.h>
#include <pthread.h>

static void *stop(void *task)
{
    async_task_cancel(task);
    return NULL;
}

static int amain(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, stop, async_current_task());
    return async_sleep(1);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
