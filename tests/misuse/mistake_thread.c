/*
 * 10. A call from another thread
 *
 * A loop, its tasks and its queues belong to the thread that runs it. There are no locks in them, so nobody else
 * may touch them.
 *
 * send a function there, with `async_call_soon_threadsafe`. It is the one call that is for other threads.
 */
#include <asyncio.h>
#include <pthread.h>

static void *stop(void *task)
{
    async_cancel(task);
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
