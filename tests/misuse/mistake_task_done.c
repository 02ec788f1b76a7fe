/*
 * 14. A join without task_done
 *
 * `async_queue_join` waits until each item was reported done, and not until the queue is empty.
 * When nothing is left that could wake a task, the run lists the tasks with what they wait for, and
 * cancels the main task.
 *
 * call `async_queue_task_done(queue)` once for each item that was taken, also when the work on it
 * has failed.
 */
#include <asyncio.h>
#include <stdio.h>

static int amain(void)
{
    int job = 7;
    async_auto_queue *jobs = NULL;
    ASYNC_TRY(async_queue_new(&jobs, 0, sizeof(int)));
    ASYNC_TRY(async_queue_put(jobs, &job));
    ASYNC_TRY(async_queue_get(jobs, &job));
    return async_queue_join(jobs);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
