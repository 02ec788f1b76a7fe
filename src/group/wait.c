/*
 * group/wait.c: async_wait, which borrows its tasks and may return before they end, and
 * async_wait_for, a join with a timeout.
 */
#include "base/values.h"
#include "group/watch.h"
#include "sched/pace.h"
#include <asyncio/gather.h>
#include <asyncio/time.h>

static bool all_ended(struct watch *watch)
{
    return watch->ended == watch_task_count(watch);
}

static bool one_ended(struct watch *watch)
{
    return watch->ended > 0;
}

static bool one_failed(struct watch *watch)
{
    return watch->failed > 0 || all_ended(watch);
}

/* The condition for return_when; NULL if it is unknown. */
static bool (*find_condition(async_return_when return_when))(struct watch *)
{
    static bool (*const conditions[])(struct watch *) = {
        [ASYNC_ALL_COMPLETED] = all_ended,
        [ASYNC_FIRST_COMPLETED] = one_ended,
        [ASYNC_FIRST_EXCEPTION] = one_failed,
    };
    bool known = (unsigned)return_when < sizeof conditions / sizeof *conditions;
    return known ? conditions[return_when] : NULL;
}

/* Waits until `enough` is true or the timeout has passed. The number of ended tasks, or -errno. */
static int watch_until(struct async_loop *loop, async_task *const tasks[], size_t count,
                       bool (*enough)(struct watch *), double seconds)
{
    enum { MAX_STACK_TASKS = 8 };
    struct watched_task few[MAX_STACK_TASKS];
    struct watch watch;
    int result = asyncp_watch_open(loop, &watch, count, few, MAX_STACK_TASKS);
    if (result < 0)
        return result;
    asyncp_watch_add_all(&watch, tasks, count);
    watch.enough = enough;
    bool waits = !enough(&watch);
    if (waits)
        result = asyncp_watch_park(loop, &watch, "async_wait", asyncp_deadline(loop, seconds));
    int ended = watch.ended < INT32_MAX ? (int)watch.ended : INT32_MAX;
    asyncp_watch_close(loop, &watch);
    if (result < 0 && result != -ETIMEDOUT)
        return result;
    return waits ? ended : paced(loop, PACE_STEP, ended);
}

int async_wait(async_task *const tasks[], size_t count, async_return_when return_when,
               double seconds)
{
    struct async_loop *loop = loop_enter("async_wait");
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (tasks == NULL || count == 0 || find_condition(return_when) == NULL ||
        is_not_a_number(seconds))
        return async_fail(-EINVAL, "async_wait: tasks is NULL, count is 0, return_when is unknown, "
                                   "or seconds is not a number");
    int result = asyncp_check_borrowed(loop, tasks, count, "async_wait");
    return result < 0 ? result
                      : watch_until(loop, tasks, count, find_condition(return_when), seconds);
}

int async_wait_for(async_task *task, double seconds)
{
    struct async_loop *loop = loop_enter("async_wait_for");
    if (task == NULL)
        return asyncp_fail_no_task("async_wait_for");
    task_check(task, "async_wait_for", true);
    if (task_done(task) || task->coroutine == loop_running(loop))
        return async_await(task);
    return async_timeout(seconds, async_await(task));
}
