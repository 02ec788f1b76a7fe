/*
 * group/gather.c: several tasks awaited at once. Stands on the join, which waits for all of them;
 * what is left to do is to take each handle once, and to say which failed first.
 */
#include "sched/pace.h"
#include <asyncio/gather.h>

/* One reference of each, also of one that occurs twice. */
static void reserve(async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL || tasks[i]->marked)
            continue;
        tasks[i]->marked = true;
        task_reserve(tasks[i], "async_gather");
    }
    for (size_t i = count; i-- > 0;)
        if (tasks[i] != NULL)
            tasks[i]->marked = false;
}

/* The task that failed first; NULL if none did. All have ended. */
static struct async_task *first_failed(async_task *const tasks[], size_t count)
{
    struct async_task *first = NULL;
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL && task_done(tasks[i]) && tasks[i]->result < 0 &&
            (first == NULL || tasks[i]->ended < first->ended))
            first = tasks[i];
    return first;
}

/*
 * What one of them gives: one that was never created, and the one that gathers, cannot be waited
 * for.
 */
static int result_of(const struct async_loop *loop, const async_task *task)
{
    if (task == NULL)
        return -ENOMEM;
    return task->coroutine == loop_running(loop) ? -EDEADLK : task->result;
}

/* The error of one that could not be waited for, which failed before all others; 0 if all could. */
static int impossible(const struct async_loop *loop, async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] == NULL || !task_done(tasks[i]))
            return result_of(loop, tasks[i]);
    return 0;
}

/* The running task's own handle is only let go. */
static void take(struct async_loop *loop, struct async_task *task)
{
    if (task_done(task)) {
        asyncp_task_collect(loop, task);
        return;
    }
    task_detach_reserved(task);
}

/*
 * Takes every handle once, also one that occurs twice; `last` in the end, because the sentence of
 * the one that is collected last is the one that stays.
 */
static void collect(struct async_loop *loop, async_task *const tasks[], size_t count,
                    struct async_task *last)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL)
            tasks[i]->marked = tasks[i] != last;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL || !tasks[i]->marked)
            continue;
        tasks[i]->marked = false;
        take(loop, tasks[i]);
    }
    if (last != NULL)
        take(loop, last);
}

int async_gather_n(async_task *const tasks[], size_t count, int results[], async_gather_mode mode)
{
    struct async_loop *loop = loop_enter("async_gather");
    if (tasks == NULL && count != 0)
        return -EINVAL;
    reserve(tasks, count);
    asyncp_join(loop, tasks, count, "async_gather");
    struct async_task *failed = first_failed(tasks, count);
    int error = impossible(loop, tasks, count);
    if (error == 0 && failed != NULL)
        error = failed->result;
    for (size_t i = 0; results != NULL && i < count; i++)
        results[i] = result_of(loop, tasks[i]);
    collect(loop, tasks, count, failed);
    return paced(loop, PACE_STEP, mode == ASYNC_RETURN_EXCEPTIONS ? 0 : error);
}
