/*
 * top/run.c: async_run and async_main, which run a coroutine on a temporary loop, and
 * async_runner, which keeps its loop. The macros evaluate the coroutine's arguments between
 * the begin and the end function, so they can create tasks and queues on the loop.
 */
#include "loop/loop.h"
#include "sched/current.h"
#include "top/open.h"
#include "sys/report.h"
#include <asyncio/runner.h>
#include <signal.h>

/* The state between begin and end of a run whose begin has failed; see asyncp_run_error. */
static __thread struct {
    struct async_loop *suspended; /* the loop in which the run was called by mistake, or NULL */
    unsigned inner;               /* runs among the arguments of the failed one; they fail, too */
} failed_run;

/* If a run begins among the arguments of a failed one, counts it and returns true. */
static bool begins_inside_failed(void)
{
    failed_run.inner += asyncp_run_error != 0;
    return asyncp_run_error != 0;
}

void asyncp_run_begin(const async_run_options *options)
{
    struct async_loop *loop = NULL;
    if (begins_inside_failed())
        return;
    failed_run.suspended = asyncp_current;
    asyncp_run_error = asyncp_open(&loop, options, false);
    asyncp_current = loop;
    if (loop != NULL)
        asyncp_interrupt_begin(loop, options);
}

static int end_failed_run(void)
{
    int error = asyncp_run_error;
    if (failed_run.inner > 0) {
        failed_run.inner--;
        return error;
    }
    asyncp_current = failed_run.suspended;
    asyncp_run_error = 0;
    failed_run.suspended = NULL;
    if (error != -EBUSY)
        return error;
    return async_fail(error,
                      "this thread has a loop already; in a task, call the coroutine itself");
}

/* Runs the task. -EINTR if SIGINT or SIGTERM cancelled it, -EDEADLK if a deadlock did. */
static int run_main(struct async_loop *loop, async_task *task)
{
    if (task == NULL) {
        asyncp_interrupt_end(loop);
        return -ENOMEM;
    }
    asyncp_interrupt_set_task(loop, task);
    task_reserve(task, "async_run");
    while (!task_done(task) && !loop_is_inherited(loop))
        asyncp_loop_run(loop, task);
    asyncp_interrupt_set_task(loop, NULL);
    if (loop_is_inherited(loop))
        return asyncp_forked_result(loop);
    task_unreserve(task);
    asyncp_interrupt_end(loop); /* a SIGINT during the shutdown ends the process */
    bool was_deadlock = asyncp_deadlock_take(loop);
    task->seen = true;
    if (task->result != -ECANCELED)
        return task->result;
    return asyncp_interrupt_number(loop) != 0 ? -EINTR : was_deadlock ? -EDEADLK : -ECANCELED;
}

int asyncp_run_end(async_task *main_task)
{
    if (asyncp_run_error != 0)
        return end_failed_run();
    struct async_loop *loop = asyncp_current;
    int result = run_main(loop, main_task);
    asyncp_loop_finish(loop);
    return result;
}

/* interrupted_by: the signal that came during the run; 0: none. sent: all output was. */
static int exit_status(int result, int interrupted_by, bool sent)
{
    enum { MAX_STATUS = 125, FAILED = 1, SIGNALLED = 128 };
    if (result == -EINTR)
        return SIGNALLED + (interrupted_by != 0 ? interrupted_by : SIGINT);
    if (result < 0 || (result == 0 && !sent))
        return FAILED;
    return result < MAX_STATUS ? result : MAX_STATUS;
}

/* In a child of fork(): the exception handler belongs to the parent, so it is not called. */
static void report_child(const struct async_loop *loop, int result)
{
    char meaning[MAX_ERROR_MESSAGE_BYTES + 32];
    const struct async_task *task = asyncp_forked_task(loop);
    if (result >= 0 || result == -EINTR || task == NULL)
        return;
    asyncp_error_describe(meaning, sizeof meaning, result, task->message);
    asyncp_report("%s failed in a child of fork(): %s", asyncp_shown_name(task).text, meaning);
}

static void report_main(struct async_loop *loop, async_task *task, int result)
{
    char meaning[MAX_ERROR_MESSAGE_BYTES + 32];
    asyncp_error_describe(meaning, sizeof meaning, result, task != NULL ? task->message : NULL);
    asyncp_report_error(loop, task, result, "%s failed: %s",
                        task != NULL ? asyncp_shown_name(task).text : "the main task", meaning);
}

int asyncp_main_end(async_task *main_task)
{
    if (asyncp_run_error != 0) {
        int error = end_failed_run();
        asyncp_report("cannot create a loop: %s", async_strerror(error));
        return exit_status(error, 0, true);
    }
    struct async_loop *loop = asyncp_current;
    int result = run_main(loop, main_task);
    if (loop_is_inherited(loop))
        report_child(loop, result);
    else if (result < 0 && result != -EINTR)
        report_main(loop, main_task, result);
    int number = asyncp_interrupt_number(loop);
    bool sent = asyncp_loop_finish(loop);
    return exit_status(result, number, sent);
}

/* The runner's loop, which is created if it does not exist yet. 0 or -errno. */
static int find_runner_loop(async_runner *runner, struct async_loop **loop)
{
    *loop = runner->asyncp_loop;
    if (*loop != NULL && loop_is_inherited(*loop) && !loop_is_iterating(*loop)) {
        async_runner_close(runner);
        *loop = NULL;
    }
    if (*loop != NULL)
        return *loop == asyncp_current && !loop_is_iterating(*loop) ? 0 : -EBUSY;
    int result = asyncp_open(loop, &runner->options, false);
    if (result == 0)
        runner->asyncp_loop = *loop;
    return result;
}

void asyncp_runner_begin(async_runner *runner)
{
    struct async_loop *loop;
    ENSURE(runner != NULL, "async_runner_run: the runner is NULL");
    if (begins_inside_failed())
        return;
    int error = find_runner_loop(runner, &loop);
    if (error < 0) {
        failed_run.suspended = asyncp_current;
        asyncp_run_error = error;
        asyncp_current = NULL;
        return;
    }
    asyncp_check_outside(loop, "async_runner_run");
    asyncp_interrupt_begin(loop, &runner->options);
}

int asyncp_runner_end(async_task *task)
{
    if (asyncp_run_error != 0)
        return end_failed_run();
    struct async_loop *loop = asyncp_current;
    int result = run_main(loop, task);
    asyncp_interrupt_forget(loop);
    async_task_detach(task);
    return result;
}

async_loop *async_runner_get_loop(async_runner *runner)
{
    if (runner != NULL && runner->asyncp_loop == NULL) {
        struct async_loop *loop;
        async_ignore(find_runner_loop(runner, &loop));
    }
    return runner != NULL ? loop_give_out(runner->asyncp_loop) : NULL;
}

void async_runner_close(async_runner *runner)
{
    if (runner == NULL || runner->asyncp_loop == NULL)
        return;
    asyncp_check_closing(runner->asyncp_loop, "async_runner_close");
    asyncp_loop_finish(runner->asyncp_loop);
    runner->asyncp_loop = NULL;
}
