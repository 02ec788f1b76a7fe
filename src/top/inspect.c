/*
 * top/inspect.c: what one can ask about tasks: names, numbers, stacks, which there are. Reads
 * what the core keeps; the only thing it changes is a name.
 */
#include "sched/sched.h"
#include <stdlib.h>

const char *async_task_name(const async_task *task)
{
    if (task == NULL)
        return "(no task)";
    task_check(task, "async_task_name", false);
    return task->name;
}

int async_task_set_name(async_task *task, const char *name)
{
    if (task == NULL || name == NULL)
        return -EINVAL;
    task_check(task, "async_task_set_name", false);
    return asyncp_task_rename(task, name);
}

uint64_t async_task_id(const async_task *task)
{
    if (task == NULL)
        return 0;
    task_check(task, "async_task_id", false);
    return task->id;
}

static bool has_stack(const async_task *task)
{
    return !async_task_done(task) && !task_is_future(task);
}

size_t async_task_stack_used(const async_task *task)
{
    if (!has_stack(task))
        return 0;
    return asyncp_stack_used(&task->loop->tasks.stacks, &task->coroutine->stack);
}

size_t async_task_stack_size(const async_task *task)
{
    return has_stack(task) ? stack_size(&task->coroutine->stack) : 0;
}

/*
 * Keeps the oldest: puts task among the first count of capacity, in place of the youngest if it is
 * older.
 */
static void keep_oldest(async_task *tasks[], size_t capacity, size_t count, async_task *task)
{
    if (count < capacity) {
        tasks[count] = task;
        return;
    }
    size_t youngest = 0;
    for (size_t i = 1; i < capacity; i++)
        if (tasks[i]->id > tasks[youngest]->id)
            youngest = i;
    if (capacity > 0 && task->id < tasks[youngest]->id)
        tasks[youngest] = task;
}

static int by_id(const void *a, const void *b)
{
    uint64_t first = (*(async_task *const *)a)->id, second = (*(async_task *const *)b)->id;
    return (first > second) - (first < second);
}

size_t async_all_tasks(async_task *tasks[], size_t capacity)
{
    struct async_loop *loop = asyncp_current;
    size_t count = 0;
    ENSURE(tasks != NULL || capacity == 0, "async_all_tasks: there is no array for %zu tasks",
           capacity);
    if (loop == NULL)
        return 0;
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL; count++)
        keep_oldest(tasks, capacity, count, task);
    size_t kept = count < capacity ? count : capacity;
    if (kept > 1)
        qsort(tasks, kept, sizeof *tasks, by_id);
    return count;
}
