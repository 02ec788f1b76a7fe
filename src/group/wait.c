/*
 * group/wait.c: async_wait, which borrows its tasks and may return before their end, and
 * async_wait_for, which is a join under a limit.
 */
#include "sched/pace.h"
#include "group/watch.h"
#include <asyncio/gather.h>
#include <asyncio/time.h>

static bool all_ended(struct watch *watch)
{
    return watch->ended == watch_tasks(watch);
}

static bool one_ended(struct watch *watch)
{
    return watch->ended > 0;
}

static bool one_failed(struct watch *watch)
{
    return watch->failed > 0 || all_ended(watch);
}

/* The question that return_when stands for; NULL: none. */
static bool (*question(async_return_when return_when))(struct watch *)
{
    static bool (*const questions[])(struct watch *) = {
        [ASYNC_ALL_COMPLETED] = all_ended,
        [ASYNC_FIRST_COMPLETED] = one_ended,
        [ASYNC_FIRST_EXCEPTION] = one_failed,
    };
    bool known = (unsigned)return_when < sizeof questions / sizeof *questions;
    return known ? questions[return_when] : NULL;
}

/* How many have ended when it is over, or -errno. */
static int watch_until(struct async_loop *loop, async_task *const tasks[], size_t count,
                       bool (*enough)(struct watch *), double seconds)
{
    enum { FEW = 8 };
    struct watched few[FEW];
    struct watch watch;
    int result = asyncp_watch_open(loop, &watch, count, few, FEW);
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
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (tasks == NULL || count == 0 || question(return_when) == NULL || seconds != seconds)
        return -EINVAL;
    int result = asyncp_check_borrowed(loop, tasks, count, "async_wait");
    return result < 0 ? result : watch_until(loop, tasks, count, question(return_when), seconds);
}

int async_wait_for(async_task *task, double seconds)
{
    struct async_loop *loop = loop_enter("async_wait_for");
    if (task == NULL)
        return -ENOMEM;
    task_check(task, "async_wait_for", true);
    if (task_done(task) || task->coroutine == loop_running(loop))
        return async_await(task);
    return async_timeout(seconds, async_await(task));
}
