/* sched/record.h: handles and their records: checks, references, freeing. */
#ifndef SCHED_RECORD_H
#define SCHED_RECORD_H

#include "sched/loop.h"

/*
 * task_check for the rare cases: a handle of another loop, a taken handle, a handle borrowed from a
 * group.
 */
OUT_OF_LINE void asyncp_task_check(const struct async_task *task, const char *call, bool taking);

/*
 * Reports misuse if the handle is not valid here. taking: the call will take the handle.
 */
static inline void task_check(const struct async_task *task, const char *call, bool taking)
{
    bool needs_check = (int32_t)task->references <= 0 && (taking || task_done(task));
    if (unlikely(task->loop != asyncp_current || needs_check))
        asyncp_task_check(task, call, taking);
}

/* task_reserve for the rare cases: no reference is free, or the handle is not valid here. */
OUT_OF_LINE void asyncp_task_reserve(struct async_task *task, const char *call);

/*
 * Reserves a reference for a join, which takes it when the task has ended. If pending joins have
 * reserved all references, adds one: several tasks may await the same handle, and none of them
 * frees the record under another. A taken handle is misuse.
 */
static inline void task_reserve(struct async_task *task, const char *call)
{
    bool is_free = (int32_t)(task->references - task->reserved) > 0; /* not with TASK_BORROWED */
    if (unlikely(task->loop != asyncp_current || !is_free))
        asyncp_task_reserve(task, call);
    task->reserved++;
}

/* For a call that fails after task_reserve: it has taken the handle, and detaches the task. */
static inline void task_detach_reserved(struct async_task *task)
{
    task_unreserve(task);
    async_task_detach(task);
}

/* The task-local values of a new task or callback. One test while no table exists. */
static inline struct locals *locals_inherit(const struct async_loop *loop)
{
    return likely(list_empty(&loop->locals.tables)) ? NULL : asyncp_locals_inherit(loop);
}

/* Frees the record of an ended task without references. */
static inline void task_free(struct async_task *task)
{
    ASSERT(task->references == 0 && task->reserved == 0 && task_done(task));
    if (unlikely(task->result < 0 || task->message != NULL || task->owns_name))
        asyncp_task_free_words(task);
    pool_give(&task->loop->tasks.records, task);
}

/* Frees the record if the task has ended and has no references. */
static inline void task_release(struct async_task *task)
{
    if (task->references == 0 && task_done(task))
        task_free(task);
}

/*
 * For asyncp_uncaught_hook: reports which task let a C++ exception out, or, with `ends_thread`, was
 * left by pthread_exit or pthread_cancel.
 */
void asyncp_report_uncaught(bool ends_thread);

/* Whether the address is that of an open loop of this process. NULL: not known. */
typedef bool asyncp_open_function(const struct async_loop *loop);
extern _Atomic(asyncp_open_function *) asyncp_is_open_hook;

#endif
