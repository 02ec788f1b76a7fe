/*
 * async_group_wait.c: run tasks that end before a block is left
 *
 * Pages: ASYNC_TASK_GROUP async_group_create_task async_group_create_task_with
 * async_group_wait async_group_cancel async_task_group
 */
#include <asyncio.h>
#include <stdio.h>

static int fetch(int page)
{
    int result = async_sleep(page);
    if (result >= 0 && page == 3)
        result = async_fail(-ENOENT, "there is no page %d", page);
    printf("page %d: %s\n", page, result < 0 ? async_strerror(result) : "here");
    return result;
}
async_fn(fetch, int);

/* If one task fails, the others are cancelled. */
static int fetch_pages(int first, int last)
{
    ASYNC_TASK_GROUP(pages);
    for (int page = first; page <= last; page++)
        async_group_create_task(&pages, fetch, page);
    return async_group_wait(&pages);
}

/* Cancels the pages that take too long. */
static int fetch_for_a_while(double seconds)
{
    async_task_options options = {.name = "straggler"};
    ASYNC_TASK_GROUP(pages);
    async_group_create_task(&pages, fetch, 1);
    async_group_create_task_with(&pages, &options, fetch, 60);
    ASYNC_TRY(async_sleep(seconds)); /* an error cancels the children */
    async_group_cancel(&pages);
    return async_group_wait(&pages);
}

static int amain(void)
{
    printf("= %d\n", fetch_pages(1, 2));
    printf("= %s\n", async_strerror(fetch_pages(2, 5)));
    printf("= %d\n", fetch_for_a_while(10));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * page 1: here
 * page 2: here
 * = 0
 * page 2: here
 * page 3: -ENOENT: there is no page 3
 * page 4: -ECANCELED: a task of its group failed
 * page 5: -ECANCELED: a task of its group failed
 * = -ENOENT: there is no page 3
 * page 1: here
 * page 60: -ECANCELED: its group was left or cancelled
 * = 0
 */
