/*
 * top/inspect.c: names, ids and stack sizes of tasks, and the list of all tasks. Changes nothing
 * except a name.
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
        return async_fail(-EINVAL, "async_task_set_name: the task or the name is NULL");
    task_check(task, "async_task_set_name", false);
    int result = asyncp_task_rename(task, name);
    if (result == 0)
        asyncp_tracer_named(task);
    return result;
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

/* Restores a max-heap by id after the task at index was replaced by one with a smaller id. */
static void sift_task_down(async_task *tasks[], size_t count, size_t index)
{
    async_task *task = tasks[index];
    for (size_t child; (child = 2 * index + 1) < count; index = child) {
        if (child + 1 < count && tasks[child + 1]->id > tasks[child]->id)
            child++;
        if (tasks[child]->id <= task->id)
            break;
        tasks[index] = tasks[child];
    }
    tasks[index] = task;
}

/*
 * Adds the task with number `count` to the array of the oldest tasks. Once the array is full, it is
 * a max-heap by id, whose root is the youngest of them.
 */
static void keep_oldest(async_task *tasks[], size_t capacity, size_t count, async_task *task)
{
    if (count < capacity) {
        tasks[count] = task;
        return;
    }
    if (count == capacity)
        for (size_t i = capacity / 2; i-- > 0;)
            sift_task_down(tasks, capacity, i);
    if (capacity > 0 && task->id < tasks[0]->id) {
        tasks[0] = task;
        sift_task_down(tasks, capacity, 0);
    }
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t first = (*(async_task *const *)a)->id, second = (*(async_task *const *)b)->id;
    return (first > second) - (first < second);
}

size_t async_all_tasks(async_task *tasks[], size_t capacity)
{
    struct async_loop *loop = asyncp_current;
    size_t count = 0;
    ENSURE(tasks != NULL || capacity == 0, "async_all_tasks: tasks is NULL, but capacity is %zu",
           capacity);
    if (loop == NULL)
        return 0;
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL; count++)
        keep_oldest(tasks, capacity, count, task);
    size_t kept = count < capacity ? count : capacity;
    if (kept > 1)
        qsort(tasks, kept, sizeof *tasks, compare_ids);
    return count;
}
