/*
 * group/task_wait.c: waits that borrow a task: async_task_wait for its end, async_task_wait_started
 * for its start, and async_set_started, which ends the latter. Such a wait is a listener of the
 * task's end. It holds a reference only from its wake-up until it has read the result. The last
 * handle may be released during the wait: this frees nothing while the task runs, and settles a
 * future.
 */
#include "sched/pace.h"

struct borrowed_wait {
    struct wait wait;
    struct waiter listener; /* in the waiters of the borrowed task */
};

static void wake_borrowed_wait(struct async_loop *loop, struct waiter *listener,
                               struct async_task *task)
{
    task_hold(task);
    loop_wake(loop, &CONTAINER_OF(listener, struct borrowed_wait, listener)->wait, NULL, 0);
}

/* A function of its own: async_set_started finds the waits for a start by its address. */
static void wake_start_wait(struct async_loop *loop, struct waiter *listener,
                            struct async_task *task)
{
    wake_borrowed_wait(loop, listener, task);
}

static void refuse_borrowed_wait(struct wait *wait)
{
    list_remove(&CONTAINER_OF(wait, struct borrowed_wait, wait)->listener.link);
    asyncp_cancel_wait(wait);
}

/* Waits until `tell` was called: 0 with a reference held; or -ECANCELED. */
static int wait_borrowed(struct async_loop *loop, struct async_task *task, const char *call,
                         asyncp_listen *tell)
{
    struct borrowed_wait waiting;
    wait_init(&waiting.wait, call, task, refuse_borrowed_wait);
    listen_on(&waiting.listener, tell, &task->waiters);
    return asyncp_park(loop, &waiting.wait);
}

int async_task_wait(async_task *task)
{
    struct async_loop *loop = loop_enter("async_task_wait");
    if (task == NULL)
        return asyncp_fail_no_task("async_task_wait");
    task_check(task, "async_task_wait", false);
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (task->coroutine == loop_running(loop))
        return async_fail(-EDEADLK, "task '%s' waits for itself", task->name);
    if (task_done(task))
        return paced(loop, PACE_STEP, async_task_result(task));
    int result = wait_borrowed(loop, task, "async_task_wait", wake_borrowed_wait);
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
        return async_fail(-EINVAL, "async_set_started: the value %d is negative", value);
    if (task->started)
        return -EALREADY;
    task->started = true;
    task->started_value = value;
    for (struct link *link = list_first(&task->waiters), *next; link != NULL; link = next) {
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        next = list_after(&task->waiters, link);
        if (waiter->wait != NULL || waiter->tell != wake_start_wait)
            continue;
        list_remove(link);
        wake_start_wait(loop, waiter, task);
    }
    return 0;
}

static int started_value_of(struct async_task *task)
{
    if (task->started)
        return task->started_value;
    int result = async_task_result(task);
    return result < 0 ? result
                      : async_fail(-ESRCH, "task '%s' ended without calling async_set_started",
                                   task->name);
}

int async_task_wait_started(async_task *task)
{
    struct async_loop *loop = loop_enter("async_task_wait_started");
    if (task == NULL)
        return asyncp_fail_no_task("async_task_wait_started");
    task_check(task, "async_task_wait_started", false);
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (task->coroutine == loop_running(loop) && !task->started)
        return async_fail(-EDEADLK, "task '%s' waits for itself to start", task->name);
    if (task->started || task_done(task))
        return paced(loop, PACE_STEP, started_value_of(task));
    int result = wait_borrowed(loop, task, "async_task_wait_started", wake_start_wait);
    if (result < 0)
        return result;
    result = started_value_of(task);
    task_detach_reserved(task);
    return result;
}
