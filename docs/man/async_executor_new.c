/*
 * async_executor_new.c: create executors for blocking functions
 *
 * Pages: async_executor_new async_executor_free_wait async_auto_wait_executor
 * async_set_default_executor ASYNC_DEFAULT_EXECUTOR async_executor
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int sort(int *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, compare);
    return numbers[0];
}
async_fn(sort, int *, size_t);

static int amain(void)
{
    int numbers[] = {7, 3, 5}, others[] = {9, 8, 6};

    /* One thread: its functions run one after the other. */
    async_auto_wait_executor *disk = NULL;
    ASYNC_TRY(async_executor_new(&disk, 1));
    int least;
    ASYNC_TRY(least = async_run_in_executor(disk, sort, numbers, 3));
    printf("%d\n", least);

    /* For async_to_thread; the loop takes it. */
    async_executor *eight = NULL;
    ASYNC_TRY(async_executor_new(&eight, 8));
    int result = async_set_default_executor(eight);
    if (result < 0)
        async_executor_free_wait(eight);
    ASYNC_TRY(result);

    /* As a task, which can be awaited later. */
    async_task_options options = {.name = "sorting",
                                  .executor = ASYNC_DEFAULT_EXECUTOR};
    async_task *sorting = async_create_task_with(&options, sort, others, 3);
    ASYNC_TRY(least = async_await(sorting));
    printf("%d\n", least);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 3
 * 6
 */
