/*
 * group/gather.c: async_gather. asyncp_join waits for the tasks; this file finds the first failure
  * and takes each handle once.
 */
#include "group/mark.h"
#include "sched/pace.h"
#include <asyncio/gather.h>

/* Reserves one reference of each task, also of a repeated one. */
static void reserve_all(async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mark_task(tasks[i]))
            task_reserve(tasks[i], "async_gather");
    unmark_tasks(tasks, count);
}

/* The first failed task; NULL if none failed. */
static struct async_task *first_failed(async_task *const tasks[], size_t count)
{
    struct async_task *first = NULL;
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL && task_done(tasks[i]) && tasks[i]->result < 0 &&
            (first == NULL || tasks[i]->ended < first->ended))
            first = tasks[i];
    return first;
}

/* The result of a task. NULL was never created, and the running task cannot wait for itself. */
static int gathered_result(const struct async_loop *loop, const async_task *task)
{
    if (task == NULL)
        return -ENOMEM;
    return task->coroutine == loop_running(loop) ? -EDEADLK : task->result;
}

/* The error of the first task that cannot be waited for; 0 if none. */
static int first_impossible(const struct async_loop *loop, async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] == NULL || !task_done(tasks[i]))
            return gathered_result(loop, tasks[i]);
    return 0;
}

/* Takes a handle. Only the running task itself has not ended. */
static void take_gathered(struct async_loop *loop, struct async_task *task)
{
    if (task_done(task))
        asyncp_task_collect(loop, task);
    else
        task_detach_reserved(task);
}

/*
 * Takes every handle once, also of a repeated task. `last` is collected last, so its error message
 * remains.
 */
static void take_all_gathered(struct async_loop *loop, async_task *const tasks[], size_t count,
                              struct async_task *last)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL)
            tasks[i]->marked = tasks[i] != last;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL || !tasks[i]->marked)
            continue;
        tasks[i]->marked = false;
        take_gathered(loop, tasks[i]);
    }
    if (last != NULL)
        take_gathered(loop, last);
}

int async_gather_n(async_task *const tasks[], size_t count, int results[], async_gather_mode mode)
{
    struct async_loop *loop = loop_enter("async_gather");
    if (tasks == NULL && count != 0)
        return async_fail(-EINVAL, "async_gather: tasks is NULL, but count is not 0");
    reserve_all(tasks, count);
    bool is_cancelled = asyncp_join(loop, tasks, count, "async_gather");
    struct async_task *failed = first_failed(tasks, count);
    int error = first_impossible(loop, tasks, count);
    bool lacks_task = error == -ENOMEM;
    if (error == 0 && failed != NULL)
        error = failed->result;
    for (size_t i = 0; results != NULL && i < count; i++)
        results[i] = gathered_result(loop, tasks[i]);
    take_all_gathered(loop, tasks, count, failed);
    if (lacks_task)
        (void)asyncp_fail_no_task("async_gather");
    if (mode == ASYNC_RETURN_EXCEPTIONS)
        error = is_cancelled ? -ECANCELED : 0;
    return paced(loop, PACE_STEP, error);
}
