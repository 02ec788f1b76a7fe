/*
 * async_call_soon_threadsafe.c: call a function on the loop of another thread
 *
 * Pages: async_call_soon_threadsafe async_get_loop
 */
#include <asyncio.h>
#include <pthread.h>
#include <stdio.h>

/* Shared by a thread and by the task that waits for its result. */
struct job {
    async_loop *loop;
    async_queue *finished; /* for the answer; only for the loop's thread */
    int answer;
};

/* Runs on the loop's thread. */
static void deliver(void *argument)
{
    struct job *job = argument;
    async_ignore(async_queue_put_nowait(job->finished, &job->answer));
}

/* Runs on another thread, which must not use the queue. */
static void *compute(void *argument)
{
    struct job *job = argument;
    job->answer = 6 * 7;
    async_ignore(async_call_soon_threadsafe(job->loop, deliver, job));
    return NULL;
}

static int amain(void)
{
    pthread_t thread;
    async_auto_queue *finished = NULL;
    ASYNC_TRY(async_queue_new(&finished, 1, sizeof(int)));
    struct job job = {.loop = async_get_loop(), .finished = finished};
    if (pthread_create(&thread, NULL, compute, &job) != 0)
        return -ENOMEM;
    int answer = 0;
    /* not cancelled, because the thread uses job */
    int result = async_no_cancel(async_queue_get(finished, &answer));
    pthread_join(thread, NULL);
    printf("%d\n", answer);
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 42
 */
