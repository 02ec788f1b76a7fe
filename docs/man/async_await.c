/*
 * async_await.c: wait for a task, or detach it
 *
 * Pages: async_await async_task_detach async_task_ref
 */
#include <asyncio.h>
#include <stdio.h>

static int measure(double seconds, int result)
{
    ASYNC_TRY(async_sleep(seconds));
    printf("measured %d\n", result);
    return result;
}
async_fn(measure, double, int);

/* Takes the handle. */
static int watch(async_task *task)
{
    int result = async_await(task);
    printf("the watcher has seen %d\n", result);
    return result;
}
async_fn(watch, async_task *);

static int amain(void)
{
    /* not awaited */
    async_task_detach(async_create_task(measure, 1, 10));

    /* each awaits a handle of its own */
    async_task *task = async_create_task(measure, 2, 20);
    async_task *watcher = async_create_task(watch, async_task_ref(task));
    int result = async_await(task);
    printf("main has seen %d\n", result);
    async_ignore(async_await(watcher));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * measured 10
 * measured 20
 * main has seen 20
 * the watcher has seen 20
 */
