/*
 * async_task_done.c: inspect how a task has ended
 *
 * Pages: async_task_done async_task_cancelled async_task_result
 */
#include <asyncio.h>
#include <stdio.h>

static int fetch(int page)
{
    ASYNC_TRY(async_sleep(page));
    return page > 1 ? async_fail(-ENOENT, "there is no page %d", page) : page;
}
async_fn(fetch, int);

static void report(async_task *task)
{
    if (!async_task_done(task))
        puts("running");
    else if (async_task_cancelled(task))
        puts("cancelled");
    else
        printf("%d\n", async_task_result(task));
}

static int amain(void)
{
    async_task *pages[] = {async_create_task(fetch, 1),
                           async_create_task(fetch, 2),
                           async_create_task(fetch, 3)};
    ASYNC_TRY(async_sleep(2.5));
    for (int i = 0; i < 3; i++)
        report(pages[i]);

    async_task_cancel(pages[2]);
    int results[3];
    ASYNC_TRY(async_gather_n(pages, 3, results, ASYNC_RETURN_EXCEPTIONS));
    printf("%s\n%s\n", async_strerror(results[1]), async_strerror(results[2]));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 1
 * -2
 * running
 * -ENOENT: there is no page 2
 * -ECANCELED: Operation canceled
 */
