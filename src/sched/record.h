/*
 * sched/record.h: handles and the records that they point to: checks, references, and their end.
 */
#ifndef SCHED_RECORD_H
#define SCHED_RECORD_H

#include "sched/loop.h"

/*
 * task_check for what is not the plain case: a handle of another loop, one that was taken, one that
 * a group lent.
 */
OUT_OF_LINE void asyncp_task_check(const struct async_task *task, const char *call, bool taking);

/* Dies with a sentence if the handle cannot be used here; `taking` wants a reference to take. */
static inline void task_check(const struct async_task *task, const char *call, bool taking)
{
    bool in_question = (int32_t)task->references <= 0 && (taking || task_done(task));
    if (unlikely(task->loop != asyncp_current || in_question))
        asyncp_task_check(task, call, taking);
}

/* task_reserve where no reference is free, or the handle cannot be used here. */
OUT_OF_LINE void asyncp_task_reserve(struct async_task *task, const char *call);

/*
 * Before a join stops: one reference is reserved for it, to be taken in the end. If joins under way
 * have reserved all of them, there is one more, so that several may await the same handle and none
 * frees the record under another. Dies with a sentence if there is no handle to take.
 */
static inline void task_reserve(struct async_task *task, const char *call)
{
    bool is_free = (int32_t)(task->references - task->reserved) > 0; /* not with TASK_KEPT */
    if (unlikely(task->loop != asyncp_current || !is_free))
        asyncp_task_reserve(task, call);
    task->reserved++;
}

/*
 * The counterpart of task_reserve for a call that fails: it took the handle, and leaves the task to
 * itself.
 */
static inline void task_detach_reserved(struct async_task *task)
{
    task_unreserve(task);
    async_task_detach(task);
}

/*
 * The task-local values that a new task or callback begins with. While no task has any, nobody
 * looks further.
 */
static inline struct locals *locals_inherit(const struct async_loop *loop)
{
    return likely(list_empty(&loop->locals.tables)) ? NULL : asyncp_locals_inherit(loop);
}

/* Frees the record: its task has ended, and there is no reference. */
static inline void task_free(struct async_task *task)
{
    ASSERT(task->references == 0 && task->reserved == 0 && task_done(task));
    if (unlikely(task->result < 0 || task->sentence != NULL || task->owns_name))
        asyncp_task_free_words(task);
    pool_give(&task->loop->tasks.records, task);
}

/* Frees the record if nobody needs it any more. */
static inline void task_release(struct async_task *task)
{
    if (task->references == 0 && task_done(task))
        task_free(task);
}

#endif
