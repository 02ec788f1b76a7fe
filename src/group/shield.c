/*
 * group/shield.c: async_shield: waits for a task without being its joiner, so a cancel request ends
 * the wait and does not reach the task. (async_no_cancel, which shields a call, is a scope: see
 * timeout.c.)
 */
#include "sched/pace.h"
#include <asyncio/gather.h>

/* 0 when the task has ended, -ECANCELED, or -EDEADLK if the running task is the task. */
static int wait_until_ended(struct async_loop *loop, struct async_task *task)
{
    struct wait wait;
    struct waiter waiter;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (task->coroutine == loop_running(loop))
        return async_fail(-EDEADLK, "task '%s' waits for itself", task->name);
    if (task_done(task))
        return paced(loop, PACE_STEP, 0);
    wait_init(&wait, "async_shield", task, asyncp_cancel_wait);
    wait_on(&wait, &waiter, &task->waiters);
    return asyncp_park(loop, &wait);
}

int async_shield(async_task *task)
{
    struct async_loop *loop = loop_enter("async_shield");
    if (task == NULL)
        return asyncp_fail_no_task("async_shield");
    task_reserve(task, "async_shield");
    int result = wait_until_ended(loop, task);
    if (result == 0)
        return asyncp_task_collect(loop, task);
    task_detach_reserved(task);
    return result;
}
