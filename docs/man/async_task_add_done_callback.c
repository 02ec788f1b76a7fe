/*
 * async_task_add_done_callback.c: request a call when a task has ended
 *
 * Pages: async_task_add_done_callback async_task_remove_done_callback
 */
#include <asyncio.h>
#include <stdio.h>

static int cook(int minutes)
{
    return async_sleep(minutes * 60);
}
async_fn(cook, int);

/* Runs on the loop, not in a task: it must not wait, but may create tasks. */
static void ring(async_task *task, void *count)
{
    printf("%s: ready\n", async_task_name(task));
    ++*(int *)count;
}

static int amain(void)
{
    int rung = 0;
    async_task *eggs = async_create_task_with(
        &(async_task_options){.name = "eggs"}, cook, 6);
    async_task *rice = async_create_task_with(
        &(async_task_options){.name = "rice"}, cook, 20);
    ASYNC_TRY(async_task_add_done_callback(eggs, ring, &rung));
    ASYNC_TRY(async_task_add_done_callback(rice, ring, &rung));

    printf("%zu removed\n", async_task_remove_done_callback(rice, ring, &rung));
    int result = async_gather(eggs, rice);
    printf("it rang %d time\n", rung);
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 1 removed
 * eggs: ready
 * it rang 1 time
 */
