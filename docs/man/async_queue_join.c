/*
 * async_queue_join.c: wait until all work in a queue is done
 *
 * Pages: async_queue_join async_queue_task_done async_queue_task_failed
 */
#include <asyncio.h>
#include <stdio.h>

static int work(int worker, async_queue *jobs)
{
    for (;;) {
        int seconds;
        ASYNC_TRY(async_queue_get(jobs, &seconds));
        int result = async_sleep(seconds);
        if (result < 0)
            async_queue_task_failed(jobs, result); /* or join waits forever */
        else
            async_queue_task_done(jobs);
        ASYNC_TRY(result);
        printf("worker %d has done a job of %d s\n", worker, seconds);
    }
}
async_fn(work, int, async_queue *);

static int amain(void)
{
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_queue_new(&jobs, 0, sizeof(int)));
    async_task *workers[] = {async_create_task(work, 1, jobs),
                             async_create_task(work, 2, jobs)};
    for (int seconds = 4; seconds > 0; seconds--)
        ASYNC_TRY(async_queue_put(jobs, &seconds));

    ASYNC_TRY(async_queue_join(jobs));
    puts("all jobs are done");
    for (int i = 0; i < 2; i++)
        async_task_cancel(workers[i]); /* they wait for more jobs */
    async_ignore(async_gather_n(workers, 2, NULL, ASYNC_FIRST_ERROR));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * worker 2 has done a job of 3 s
 * worker 1 has done a job of 4 s
 * worker 2 has done a job of 2 s
 * worker 1 has done a job of 1 s
 * all jobs are done
 */
