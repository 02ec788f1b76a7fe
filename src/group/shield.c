/*
 * group/shield.c: async_shield, a wait for a task that is not a join: a request to cancel ends the
 * wait and goes no further. (The shelter that async_no_cancel gives to a call is a scope: see
 * timeout.c.)
 */
#include "sched/pace.h"
#include <asyncio/gather.h>

/*
 * 0 when the task has ended; -ECANCELED if this task was refused first, -EDEADLK if it is its own.
 */
static int wait_until_ended(struct async_loop *loop, struct async_task *task)
{
    struct wait wait;
    struct waiter waiter;
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (task->coroutine == loop_running(loop))
        return async_fail(-EDEADLK, "task '%s' waits for itself", task->name);
    if (task_done(task))
        return paced(loop, PACE_STEP, 0);
    wait_init(&wait, "async_shield", task, asyncp_refuse_wait);
    wait_on(&wait, &waiter, &task->waiters);
    return asyncp_park(loop, &wait);
}

int async_shield(async_task *task)
{
    struct async_loop *loop = loop_enter("async_shield");
    if (task == NULL)
        return -ENOMEM;
    task_reserve(task, "async_shield");
    int result = wait_until_ended(loop, task);
    if (result == 0)
        return asyncp_task_collect(loop, task);
    task_detach_reserved(task);
    return result;
}
