/*
 * thread/offload.c: a task's function on a worker thread, and the task's wait for it. The work and
 * the message with its result are in the waiting stack frame. So the frame stays until the
 * message has come, or the work was taken back before a worker had it, even if the task is
 * cancelled.
 */
#include "sched/worker.h"
#include "sched/current.h"
#include "sched/mailbox.h"
#include "sys/thread.h"
#include "thread/executor.h"

/*
 * The worker with this work may use function, arguments and result until it has sent the message.
 */
struct offload_wait {
    struct work work;
    struct message message;
    struct wait wait;
    struct worker_context context; /* for calls of the library on the worker thread */
    struct async_executor *executor;
    struct async_loop *loop;
    const struct asyncp_function *function;
    void *arguments; /* on the task's stack */
    int result;
};

/*
 * On the worker thread. Sending the message frees the frame; the remote reference keeps the loop.
 */
static void run_offloaded(struct work *work)
{
    struct offload_wait *waiting = CONTAINER_OF(work, struct offload_wait, work);
    struct async_loop *loop = waiting->loop;
    asyncp_worker = &waiting->context;
    asyncp_sys_thread_begins_job();
    waiting->result = waiting->function->enter(waiting->arguments);
    asyncp_sys_thread_ends_job();
    ENSURE(waiting->executor->fork_generation == asyncp_fork_generation(),
           "'%s' forked on a worker thread and returned in the child, which has no loop to return "
           "to; end such a child with _exit, or call exec",
           waiting->function->name);
    asyncp_worker = NULL;
    last_cpu_store(&loop->activity.worker_seen);
    /* before the message, after which the task may submit a job: this worker must count as free */
    asyncp_executor_worker_ends(waiting->executor);
    asyncp_mailbox_send(loop, &waiting->message);
    loop_release(loop);
}

/* The work is done, or was taken back. */
static void end_offload(struct offload_wait *waiting, int result)
{
    loop_count_job(waiting->loop, -1);
    asyncp_executor_release(waiting->executor);
    asyncp_wake(&waiting->wait, NULL, result);
}

/* A loop ends its tasks before it closes, so no message can be left. */
static void receive_result(struct message *message, bool is_closing)
{
    struct offload_wait *waiting = CONTAINER_OF(message, struct offload_wait, message);
    ASSERT(!is_closing);
    (void)is_closing;
    end_offload(waiting, waiting->result);
}

static void refuse_offload_wait(struct wait *wait)
{
    struct offload_wait *waiting = CONTAINER_OF(wait, struct offload_wait, wait);
    if (!asyncp_executor_take_back(waiting->executor, &waiting->work))
        return;
    loop_release(waiting->loop);
    end_offload(waiting, -ECANCELED);
}

/* The error message from the worker thread becomes the task's. */
static void adopt_worker_message(struct async_loop *loop, struct error_message *message)
{
    if (message == NULL)
        return;
    asyncp_error_message_free(&loop->memory, loop_running(loop)->message);
    loop_running(loop)->message = asyncp_error_message_copy(&loop->memory, message);
    asyncp_error_message_free(&asyncp_malloc, message);
}

/* The close hook of the default executor. */
static void free_default_executor(struct close_hook *hook)
{
    struct async_executor *executor = CONTAINER_OF(hook, struct async_executor, close_hook);
    list_remove(&hook->link);
    async_executor_free_wait(executor);
}

static void set_default_executor(struct async_loop *loop, struct async_executor *executor)
{
    executor->close_hook.on_close = free_default_executor;
    loop_add_close_hook(loop, &executor->close_hook);
    loop->executor = executor;
}

/* The loop's default executor, created when it is first needed; NULL: out of memory. */
static struct async_executor *default_executor(struct async_loop *loop)
{
    struct async_executor *executor;
    if (loop->executor == NULL && async_executor_new(&executor, 0) == 0)
        set_default_executor(loop, executor);
    return loop->executor;
}

/* The remote reference lasts until the worker no longer uses the loop, longer than the wait. */
static int give_to_executor(struct async_loop *loop, struct offload_wait *waiting)
{
    loop_count_job(loop, 1);
    loop_hold(loop);
    int result = asyncp_executor_give(waiting->executor, &waiting->work);
    if (result < 0) {
        loop_count_job(loop, -1);
        loop_release(loop);
    }
    return result;
}

int asyncp_offload_for(const char *call, struct async_executor *executor,
                       const struct asyncp_function *function, void *arguments)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    struct offload_wait waiting = {
        .work.run = run_offloaded,
        .message.receive = receive_result,
        .context.locals = loop_running(loop)->locals,
        .executor = executor != ASYNC_DEFAULT_EXECUTOR ? executor : default_executor(loop),
        .loop = loop,
        .function = function,
        .arguments = arguments,
    };
    if (waiting.executor == NULL)
        return -ENOMEM;
    wait_init(&waiting.wait, call, waiting.executor, refuse_offload_wait);
    int result = give_to_executor(loop, &waiting);
    if (result < 0)
        return result;
    result = asyncp_park(loop, &waiting.wait);
    adopt_worker_message(loop, waiting.context.message);
    return result;
}

int asyncp_offload(struct async_executor *executor, const struct asyncp_function *function,
                   void *arguments)
{
    return asyncp_offload_for("async_to_thread", executor, function, arguments);
}

const async_task_options *asyncp_executor_options(async_executor *executor)
{
    static const async_task_options by_default = {.executor = ASYNC_DEFAULT_EXECUTOR};
    return executor != NULL && executor != ASYNC_DEFAULT_EXECUTOR ? &executor->options
                                                                  : &by_default;
}

int async_set_default_executor(async_executor *executor)
{
    struct async_loop *loop = asyncp_current;
    if (executor == NULL || executor == ASYNC_DEFAULT_EXECUTOR)
        return async_fail(-EINVAL,
                          "async_set_default_executor: the executor is NULL or the default one; "
                          "make one with async_executor_new");
    asyncp_check_inherited("async_set_default_executor");
    ENSURE(loop != NULL, "async_set_default_executor: this thread has no loop");
    if (loop->executor != NULL)
        return -EBUSY;
    set_default_executor(loop, executor);
    return 0;
}
