/*
 * group/mark.h: finds repeated tasks in an array of handles. Marks are set only within one function
 * that does not switch.
 */
#ifndef GROUP_MARK_H
#define GROUP_MARK_H

#include "sched/task.h"

/* Marks a task. False if it is NULL, or marked already. */
static inline bool mark_task(struct async_task *task)
{
    if (task == NULL || task->marked)
        return false;
    task->marked = true;
    return true;
}

static inline void unmark_tasks(async_task *const tasks[], size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (tasks[i] != NULL)
            tasks[i]->marked = false;
}

#endif
