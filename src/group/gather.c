/*
 * group/gather.c: several tasks awaited at once. Stands on the join, which waits for all of them; what is left to do is
 * to take each handle once, and to say which failed first.
 */
#include "core/loop.h"
#include <asyncio/gather.h>

/* Checks the handles; marks those that occur for the first time, so that each is taken once. */
static void check_handles(async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL)
            async__task_check(tasks[i], "async_gather", true);
}

/* The result of the task that failed first, if any did. A NULL never began, which is before all others. */
static int first_error(async_task *const tasks[], size_t count)
{
    uint64_t first = UINT64_MAX;
    int error = 0;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            return -ENOMEM;
        if (tasks[i]->result < 0 && tasks[i]->ended < first) {
            first = tasks[i]->ended;
            error = tasks[i]->result;
        }
    }
    return error;
}

/* Takes every handle once, leaving for last the one whose error is returned, so that its sentence stays. */
static void collect(struct async_loop *loop, async_task *const tasks[], size_t count, int error)
{
    struct async_task *kept = NULL;
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            continue;
        tasks[i]->marked = true;
        if (tasks[i]->result == error && error < 0 && tasks[i]->ended < first) {
            first = tasks[i]->ended;
            kept = tasks[i];
        }
    }
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL && tasks[i] != kept && tasks[i]->marked) {
            tasks[i]->marked = false;
            async__task_collect(loop, tasks[i]);
        }
    if (kept != NULL) {
        kept->marked = false;
        async__task_collect(loop, kept);
    }
}

int async_gather_n(async_task *const tasks[], size_t count, int results[], int flags)
{
    struct async_loop *loop = loop_enter("async_gather");
    if (tasks == NULL && count != 0)
        return -EINVAL;
    check_handles(tasks, count);
    async__join(loop, tasks, count, "async_gather");
    int error = first_error(tasks, count);
    for (size_t i = 0; results != NULL && i < count; i++)
        results[i] = tasks[i] != NULL ? tasks[i]->result : -ENOMEM;
    collect(loop, tasks, count, error);
    return (flags & ASYNC_COLLECT) != 0 ? 0 : error;
}
