/*
 * async_as_completed.c: several tasks, in the order in which they end
 *
 * Pages: async_as_completed async_completion_next async_completion_end
 * async_auto_completion async_completion
 */
#include <asyncio.h>
#include <stdio.h>

static int look_up(double seconds, int answer)
{
    ASYNC_TRY(async_sleep(seconds));
    return answer;
}
async_fn(look_up, double, int);

static int amain(void)
{
    async_task *tasks[] = {async_create_task(look_up, 3, 30),
                           async_create_task(look_up, 1, 10),
                           async_create_task(look_up, 99, 0)};

    async_auto_completion it = {0};
    ASYNC_TRY(async_as_completed(&it, tasks, 3, 5));
    int index;
    while ((index = async_completion_next(&it)) >= 0)
        printf("%.0f s: task %d gives %d\n", async_time(), index,
               async_task_result(tasks[index]));
    printf("%.0f s: %s\n", async_time(), async_strerror(index));

    async_completion_end(&it); /* or at the end of the block */
    async_cancel(tasks[2]);    /* nobody else has */
    return async_gather_n(tasks, 3, NULL, ASYNC_COLLECT);
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * 1 s: task 1 gives 10
 * 3 s: task 0 gives 30
 * 5 s: -ETIMEDOUT: Timed out
 */
