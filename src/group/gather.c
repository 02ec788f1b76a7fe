/*
 * group/gather.c: several tasks awaited at once. Stands on the join, which waits for all of them; what is left to do is
 * to take each handle once, and to say which failed first.
 */
#include "core/loop.h"
#include <asyncio/gather.h>

static void check_handles(async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL)
            async__task_check(tasks[i], "async_gather", true);
}

/* The task that failed first; NULL if none did. All have ended. */
static struct async_task *first_failed(async_task *const tasks[], size_t count)
{
    struct async_task *first = NULL;
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL && tasks[i]->result < 0 && (first == NULL || tasks[i]->ended < first->ended))
            first = tasks[i];
    return first;
}

/* A task that was never created failed before all others. */
static bool any_missing(async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] == NULL)
            return true;
    return false;
}

/*
 * Takes every handle once, also one that occurs twice; `last` in the end, because the sentence of the one that is
 * collected last is the one that stays.
 */
static void collect(struct async_loop *loop, async_task *const tasks[], size_t count, struct async_task *last)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL)
            tasks[i]->marked = tasks[i] != last;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL || !tasks[i]->marked)
            continue;
        tasks[i]->marked = false;
        async__task_collect(loop, tasks[i]);
    }
    if (last != NULL)
        async__task_collect(loop, last);
}

int async_gather_n(async_task *const tasks[], size_t count, int results[], int flags)
{
    struct async_loop *loop = loop_enter("async_gather");
    if (tasks == NULL && count != 0)
        return -EINVAL;
    check_handles(tasks, count);
    async__join(loop, tasks, count, "async_gather");
    struct async_task *failed = first_failed(tasks, count);
    int error = failed != NULL ? failed->result : 0;
    if (any_missing(tasks, count))
        error = -ENOMEM;
    for (size_t i = 0; results != NULL && i < count; i++)
        results[i] = tasks[i] != NULL ? tasks[i]->result : -ENOMEM;
    collect(loop, tasks, count, failed);
    return (flags & ASYNC_COLLECT) != 0 ? 0 : error;
}
