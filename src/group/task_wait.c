/*
 * group/task_wait.c: waits that borrow a task: async_task_wait for its end, async_task_wait_started
 * for its start, and async_set_started, which ends the latter. Such a wait listens to the task's
 * end, so that any number may wait and none needs a reference: a reference is held for it from the
 * moment it is woken until it has read the result. Until then the last handle may be let go, which
 * frees nothing while the task runs, and settles a future.
 */
#include "sched/pace.h"

struct borrowed_wait {
    struct wait wait;       /* of the calling task */
    struct waiter listener; /* with the task that is borrowed */
};

/* The task has ended. */
static void stop_waiting(struct async_loop *loop, struct waiter *listener, struct async_task *task)
{
    task_hold(task);
    loop_wake(loop, &CONTAINER_OF(listener, struct borrowed_wait, listener)->wait, NULL, 0);
}

/*
 * The task has started or ended. Another function than stop_waiting, because async_set_started
 * finds its waits by it.
 */
static void stop_waiting_for_start(struct async_loop *loop, struct waiter *listener,
                                   struct async_task *task)
{
    stop_waiting(loop, listener, task);
}

/* Refused: the listener goes, too. */
static void refuse(struct wait *wait)
{
    list_remove(&CONTAINER_OF(wait, struct borrowed_wait, wait)->listener.link);
    asyncp_refuse_wait(wait);
}

/* 0 with a reference held when `tell` was called; or -ECANCELED. */
static int wait_until_told(struct async_loop *loop, struct async_task *task, const char *call,
                           asyncp_listen *tell)
{
    struct borrowed_wait waiting;
    wait_init(&waiting.wait, call, task, refuse);
    listen_on(&waiting.listener, tell, &task->waiters);
    return asyncp_park(loop, &waiting.wait);
}

int async_task_wait(async_task *task)
{
    struct async_loop *loop = loop_enter("async_task_wait");
    if (task == NULL)
        return -ENOMEM;
    task_check(task, "async_task_wait", false);
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (task->coroutine == loop_running(loop))
        return async_fail(-EDEADLK, "task '%s' waits for itself", task->name);
    if (task_done(task))
        return paced(loop, PACE_STEP, async_task_result(task));
    int result = wait_until_told(loop, task, "async_task_wait", stop_waiting);
    if (result < 0)
        return result;
    result = async_task_result(task);
    task_detach_reserved(task);
    return result;
}

int async_set_started(int value)
{
    struct async_loop *loop = loop_enter("async_set_started");
    struct async_task *task = loop_running(loop)->task;
    if (value < 0)
        return -EINVAL;
    if (task->started)
        return -EALREADY;
    task->started = true;
    task->started_value = value;
    for (struct link *link = list_first(&task->waiters), *next; link != NULL; link = next) {
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        next = list_after(&task->waiters, link);
        if (waiter->wait != NULL || waiter->tell != stop_waiting_for_start)
            continue;
        list_remove(link);
        stop_waiting_for_start(loop, waiter, task);
    }
    return 0;
}

static int start_of(struct async_task *task)
{
    if (task->started)
        return task->started_value;
    int result = async_task_result(task);
    return result < 0
               ? result
               : async_fail(-ESRCH, "task '%s' has ended without async_set_started", task->name);
}

int async_task_wait_started(async_task *task)
{
    struct async_loop *loop = loop_enter("async_task_wait_started");
    if (task == NULL)
        return -ENOMEM;
    task_check(task, "async_task_wait_started", false);
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (task->coroutine == loop_running(loop) && !task->started)
        return async_fail(-EDEADLK, "task '%s' waits for its own start", task->name);
    if (task->started || task_done(task))
        return paced(loop, PACE_STEP, start_of(task));
    int result = wait_until_told(loop, task, "async_task_wait_started", stop_waiting_for_start);
    if (result < 0)
        return result;
    result = start_of(task);
    task_detach_reserved(task);
    return result;
}
