/*
 * sched/future.h: the creation and the end of a record, shared by tasks and futures. Inline,
 * because every task passes here. The end wakes the waiters in the order of arrival.
 */
#ifndef SCHED_FUTURE_H
#define SCHED_FUTURE_H

#include "sched/sched.h"

/* A record for a new task or future, or NULL. */
static inline struct async_task *task_new_record(struct async_loop *loop)
{
    struct async_task *task = pool_take(&loop->tasks.records);
    if (unlikely(task == NULL))
        return NULL;
    ASSERT(task->references == 0 && task->reserved == 0 && task_done(task));
    task->loop = loop;
    task->id = loop->tasks.created + 1;
    return task;
}

static inline void task_set_up_record(struct async_task *task, struct coroutine *self,
                                      const char *name, const char *where)
{
    task->coroutine = self;
    task->name = name;
    task->where = where;
    task->result = -EINPROGRESS;
    task->references = 1;
    task->seen = false;
    task->started = false;
}

/* Wakes the waiters of the task's end and calls the listeners, in the order of arrival. */
static inline void task_tell_waiters(struct async_loop *loop, struct async_task *task)
{
    for (struct link *link; (link = list_first(&task->waiters)) != NULL;) {
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        if (waiter->wait != NULL) {
            loop_wake(loop, waiter->wait, waiter, 0);
        } else {
            list_remove(link);
            waiter->tell(loop, waiter, task);
        }
    }
}

/* The end of a task or a future. */
static inline void task_conclude(struct async_loop *loop, struct async_task *task)
{
    task->coroutine = NULL;
    task->ended = ++loop->tasks.ended;
    task_tell_waiters(loop, task);
    task_release(task);
}

#endif
