/*
 * 10. A call from another thread
 *
 * A loop, its tasks, its queues and its locks belong to the thread that runs the loop. They are not
 * protected against other threads. This call is noticed in any mode; others, such as a put into a
 * queue, are not always, and are data races.
 *
 * send a function to the loop: `async_call_soon_threadsafe(loop, cancel, task)`, where `cancel` is
 * a function that calls `async_task_cancel`, and `loop` is what `async_get_loop()` gave in `amain`.
 * To run a coroutine there and wait for its result, use `async_run_coroutine_threadsafe`. A
 * function that only blocks needs no thread of your own: use `async_to_thread`.
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
