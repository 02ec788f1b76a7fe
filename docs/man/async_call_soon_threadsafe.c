/*
 * async_call_soon_threadsafe.c: reach a loop from another thread
 *
 * Pages: async_call_soon_threadsafe async_get_loop
 */
#include <asyncio.h>
#include <pthread.h>
#include <stdio.h>

/* Of a thread that computes something, and of the task that waits for it. */
struct job {
    async_loop *loop; /* to be told */
    async_queue
        *finished; /* receives the answer; belongs to the loop's thread */
    int answer;
};

/* On the loop's thread. */
static void deliver(void *argument)
{
    struct job *job = argument;
    async_ignore(async_queue_put_nowait(job->finished, &job->answer));
}

/* On a thread of its own, which must not touch the queue. */
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
    if (finished == NULL || pthread_create(&thread, NULL, compute, &job) != 0)
        return -ENOMEM;
    int answer = 0, result = async_no_cancel(async_queue_get(
                        finished, &answer)); /* job is on our stack */
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
