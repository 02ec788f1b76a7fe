/*
 * 27. Handles that are kept for ever
 *
 * A handle keeps the record of its task after the task has ended, because its result could still
 * be asked for. A server that creates a task for each request, and forgets the handles, grows with
 * each request. `asyncio ps` counts such tasks in a program that runs; debug mode reports them at
 * the end of the run.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * `async_task_detach(async_create_task(answer, request))`. Or a task group, if the tasks must have
 * ended before the function goes on: `async_group_create_task` keeps no handle.
 */
#include <asyncio.h>
#include <stdio.h>

static int answer(int request)
{
    return request % 2;
}
async_fn(answer, int);

static int amain(void)
{
    for (int request = 0; request < 1000; request++) {
        async_task *task = async_create_task(answer, request);
        if (task == NULL)
            return -ENOMEM;
        ASYNC_TRY(async_sleep(0.0001));
    }
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
