/*
 * async_current_task.c: find tasks, their names and their numbers
 *
 * Pages: async_current_task async_all_tasks async_task_name async_task_set_name
 * async_task_id
 */
#include <asyncio.h>
#include <stdio.h>

enum { MAX_TASKS = 16 };

static int visit(const char *place)
{
    ASYNC_TRY(async_task_set_name(async_current_task(), place));
    return async_sleep(1);
}
async_fn(visit, const char *);

static int amain(void)
{
    async_task *first = async_create_task(visit, "garden"),
               *second = async_create_task(visit, "cellar");
    ASYNC_TRY(async_sleep(0)); /* both have started */

    async_task *tasks[MAX_TASKS];
    size_t count = async_all_tasks(tasks, MAX_TASKS);
    for (size_t i = 0; i < count && i < MAX_TASKS; i++)
        printf("%d: %s%s\n", (int)async_task_id(tasks[i]),
               async_task_name(tasks[i]),
               tasks[i] == async_current_task() ? ", the caller" : "");
    return async_gather(first, second);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 1: amain, the caller
 * 2: garden
 * 3: cellar
 */
