/*
 * group/started.c: async_started and async_wait_started. Who waits listens to the task's end, and is found among its
 * listeners when it says that it has started; so a task that nobody waits for in this way has no list for it.
 */
#include "core/pace.h"

struct start_wait {
    struct wait wait;       /* of who waits */
    struct waiter listener; /* with the task */
};

static void stop_waiting(struct async_loop *loop, struct waiter *listener, struct async_task *task)
{
    loop_wake(loop, &CONTAINER_OF(listener, struct start_wait, listener)->wait, NULL, 0);
    (void)task;
}

/* Refused: the listener goes, too. */
static void refuse(struct wait *wait)
{
    list_remove(&CONTAINER_OF(wait, struct start_wait, wait)->listener.link);
    async__refuse_wait(wait);
}

int async_started(int value)
{
    struct async_loop *loop = loop_enter("async_started");
    struct async_task *task = loop->current->task;
    if (value < 0)
        return -EINVAL;
    if (task->started)
        return -EALREADY;
    task->started = true;
    task->started_value = value;
    for (struct link *link = list_first(&task->waiters), *next; link != NULL; link = next) {
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        next = list_after(&task->waiters, link);
        if (waiter->wait != NULL || waiter->tell != stop_waiting)
            continue;
        list_remove(link);
        stop_waiting(loop, waiter, task);
    }
    return 0;
}

/* 0 when the task has started or ended; or -ECANCELED. */
static int wait_until_started(struct async_loop *loop, struct async_task *task)
{
    struct start_wait waiting;
    if (task->started || task_done(task))
        return paced(loop, PACE_STEP, 0);
    wait_init(&waiting.wait, "async_wait_started", task, refuse);
    listen_on(&waiting.listener, stop_waiting, &task->waiters);
    return async__park(loop, &waiting.wait);
}

static int start_of(struct async_task *task)
{
    if (task->started)
        return task->started_value;
    int result = async_task_result(task);
    return result < 0 ? result : async_fail(-ESRCH, "task '%s' has ended without async_started", task->name);
}

int async_wait_started(async_task *task)
{
    struct async_loop *loop = loop_enter("async_wait_started");
    if (task == NULL)
        return -ENOMEM;
    task_check(task, "async_wait_started", false);
    if (loop->current->refused)
        return async__refused(loop);
    if (task->coroutine == loop->current && !task->started)
        return async_fail(-EDEADLK, "task '%s' waits for its own start", task->name);
    async_task_ref(task); /* its group may discard it at its end */
    int result = wait_until_started(loop, task);
    result = result < 0 ? result : start_of(task);
    async_detach(task);
    return result;
}
