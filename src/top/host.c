/*
 * top/host.c: loops created and driven by the program itself: by steps inside a host loop, until
 * async_loop_stop, or until a task has ended. Between two steps such a loop counts as asleep, so
 * other threads wake it through its descriptor.
 */
#include "base/values.h"
#include "loop/loop.h"
#include "sched/current.h"
#include "top/open.h"

int async_new_event_loop(async_loop **loop, const async_run_options *options)
{
    int result = loop != NULL ? asyncp_open(loop, options, true) : -EINVAL;
    if (result == 0) /* the host loop may poll before the first step */
        loop_set_attention(*loop, ATTENTION_SLEEPING);
    return result;
}

async_loop *async_get_loop(void)
{
    return loop_give_out(asyncp_current);
}

void asyncp_check_outside(const async_loop *loop, const char *call)
{
    ENSURE(
        loop_is_of_this_process(loop),
        "%s: the loop was created before fork() and belongs to the parent; create one in the child",
        call);
    ENSURE(loop == asyncp_current, "%s: this is not the calling thread's loop", call);
    ENSURE(!loop_is_iterating(loop),
           "%s was called by a task or a callback of the loop; call it outside of the loop", call);
}

void asyncp_check_closing(const struct async_loop *loop, const char *call)
{
    if (!loop_is_inherited(loop))
        asyncp_check_outside(loop, call);
    ENSURE(
        !loop_is_iterating(loop),
        "%s was called by a task or a callback of the loop, in a child of fork(); return from it "
        "first, or end the child with _exit",
        call);
}

/* Submits the tasks' operations and marks the loop as asleep, before the host loop polls. */
static void prepare_host_poll(struct async_loop *loop)
{
    asyncp_poller_wait(&loop->poller, 0);
    loop_set_attention(loop, ATTENTION_SLEEPING);
}

int async_loop_step(async_loop *loop, double seconds)
{
    if (loop == NULL || is_not_a_number(seconds))
        return -EINVAL;
    asyncp_check_outside(loop, "async_loop_step");
    asyncp_iterate(loop, seconds == ASYNC_FOREVER ? -1
                         : seconds > 0            ? asyncp_nanoseconds(seconds)
                                                  : 0);
    if (loop_is_inherited(loop)) /* forked during the step: the tasks belong to the parent */
        return 0;
    asyncp_metrics_leave(loop);
    prepare_host_poll(loop);
    return loop_alive(loop) < INT32_MAX ? (int)loop_alive(loop) : INT32_MAX;
}

int async_loop_fd(async_loop *loop)
{
    return loop != NULL ? loop->poller.calls->fd(&loop->poller) : -EINVAL;
}

double async_loop_timeout(const async_loop *loop)
{
    const uint32_t urgent = ATTENTION_INBOX | ATTENTION_SIGNAL;
    if (loop == NULL || (loop_attention(loop) & urgent) != 0)
        return 0;
    if (!loop_is_iterating(loop) &&
        asyncp_poller_has_unsubmitted(&loop->poller)) /* the next step submits */
        return 0;
    int64_t idle_ns = asyncp_idle_ns(loop);
    if (loop->poller.retry_soon && (idle_ns < 0 || idle_ns > POLLER_PAUSE_NS))
        idle_ns = POLLER_PAUSE_NS;
    return idle_ns < 0 ? __builtin_inf() : (double)idle_ns / 1e9;
}

void async_loop_close(async_loop *loop)
{
    if (loop == NULL)
        return;
    asyncp_check_closing(loop, "async_loop_close");
    asyncp_loop_finish(loop);
}

void asyncp_loop_run(struct async_loop *loop, const struct async_task *task)
{
    while (!loop_is_inherited(loop) && (task == NULL || !task_done(task))) {
        asyncp_iterate(loop, loop->sched.stopping ? 0 : -1);
        if (loop->sched.stopping)
            break;
    }
    loop->sched.stopping = false;
    asyncp_metrics_leave(loop);
}

int async_loop_run_forever(async_loop *loop)
{
    if (loop == NULL)
        return -EINVAL;
    asyncp_check_outside(loop, "async_loop_run_forever");
    asyncp_loop_run(loop, NULL);
    if (!loop_is_inherited(loop))
        prepare_host_poll(loop);
    return 0;
}

int async_loop_run_until_complete(async_loop *loop, async_task *task)
{
    if (loop == NULL) {
        async_task_detach(task);
        return -EINVAL;
    }
    asyncp_check_outside(loop, "async_loop_run_until_complete");
    if (task == NULL)
        return -ENOMEM;
    task_reserve(task, "async_loop_run_until_complete");
    asyncp_loop_run(loop, task);
    if (loop_is_inherited(loop))
        return asyncp_forked_result(loop);
    prepare_host_poll(loop);
    task_unreserve(task);
    int result = task_done(task) ? task->result : -EINPROGRESS;
    task->seen |= task_done(task);
    async_task_detach(task);
    return result;
}

void async_loop_stop(async_loop *loop)
{
    if (loop == NULL)
        return;
    ENSURE(
        loop == asyncp_current,
        "async_loop_stop: this is not the calling thread's loop; from another thread, pass it to "
        "async_call_soon_threadsafe");
    if (loop_is_inherited(loop))
        asyncp_wrong_loop(loop, "async_loop_stop", "the loop");
    loop_check_handler(loop, "async_loop_stop");
    loop->sched.stopping = true;
}

bool async_loop_is_running(const async_loop *loop)
{
    return loop != NULL && loop_is_iterating(loop);
}
