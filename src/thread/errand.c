/*
 * thread/errand.c: a function of a task's on a worker thread, and the task's wait for it. The work
 * lies in the waiting frame, and so does the message by which it comes back, through the loop's
 * inbox; so that frame stays until the message has come or the work was taken back, whatever else
 * happens to the task.
 */
#include "sched/errand.h"
#include "sched/mailbox.h"
#include "sched/fork.h"
#include "thread/executor.h"
#include <sched.h>

/*
 * The function and its arguments are the worker's while it has the work, then the message is the
 * loop's.
 */
struct errand_wait {
    struct work work;                       /* in the executor */
    struct message message;                 /* that it is done */
    struct wait wait;                       /* of the task */
    struct errand errand;                   /* what calls of the library there see */
    struct async_executor *executor;        /* who does it */
    struct async_loop *loop;                /* the task's */
    const struct asyncp_function *function; /* to be called */
    void *arguments;                        /* with these, on the task's stack */
    int result;                             /* what it gave */
};

/*
 * On the worker's thread. Once the message is sent the frame is gone; the loop stays until it is
 * left.
 */
static void run(struct work *work)
{
    struct errand_wait *waiting = CONTAINER_OF(work, struct errand_wait, work);
    struct async_loop *loop = waiting->loop;
    asyncp_errand = &waiting->errand;
    waiting->result = waiting->function->enter(waiting->arguments);
    ENSURE(waiting->executor->fork_generation == asyncp_fork_generation(),
           "a child of fork() returned from '%s', which its parent runs on a worker thread; there "
           "is no loop to return to: end such a child with _exit, or call exec",
           waiting->function->name);
    asyncp_errand = NULL;
    seen_here(&loop->activity.worker_seen);
    asyncp_executor_worker_ends(
        waiting->executor); /* before the next work can come, which else would want another */
    asyncp_inbox_send(loop, &waiting->message);
    loop_release(loop);
}

/* No longer out: done, or taken back. */
static void come_back(struct errand_wait *waiting, int result)
{
    loop_count_job(waiting->loop, -1);
    asyncp_executor_release(waiting->executor);
    asyncp_wake(&waiting->wait, NULL, result);
}

/* The loop does not close before its tasks have ended, so nobody waits then. */
static void receive(struct message *message, bool is_closing)
{
    struct errand_wait *waiting = CONTAINER_OF(message, struct errand_wait, message);
    ASSERT(!is_closing);
    (void)is_closing;
    come_back(waiting, waiting->result);
}

static void take_back(struct wait *wait)
{
    struct errand_wait *waiting = CONTAINER_OF(wait, struct errand_wait, wait);
    if (!asyncp_executor_take_back(waiting->executor, &waiting->work))
        return;
    loop_release(waiting->loop);
    come_back(waiting, -ECANCELED);
}

/* What was said on the worker's thread becomes what the task says. */
static void adopt_sentence(struct async_loop *loop, struct sentence *sentence)
{
    if (sentence == NULL)
        return;
    asyncp_sentence_free(&loop->memory, loop_running(loop)->sentence);
    loop_running(loop)->sentence = asyncp_sentence_copy(&loop->memory, sentence);
    asyncp_sentence_free(&asyncp_malloc, sentence);
}

/* The loop's default executor, made when it is first asked for; NULL: out of memory. */
/* The loop closes: its default executor ends with it. */
static void free_default_executor(struct guest *guest)
{
    struct async_executor *executor = CONTAINER_OF(guest, struct async_executor, guest);
    list_remove(&guest->link);
    async_executor_free_wait(executor);
}

static void set_default_executor(struct async_loop *loop, struct async_executor *executor)
{
    executor->guest.loop_closes = free_default_executor;
    loop_add_close_hook(loop, &executor->guest);
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

/*
 * The loop is visited as long as a worker may touch it, which is a little longer than the task
 * waits.
 */
static int give(struct async_loop *loop, struct errand_wait *waiting)
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

int asyncp_offload(struct async_executor *executor, const struct asyncp_function *function,
                   void *arguments)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    struct errand_wait waiting = {
        .work.run = run,
        .message.receive = receive,
        .errand.locals = loop_running(loop)->locals,
        .executor = executor != ASYNC_DEFAULT_EXECUTOR ? executor : default_executor(loop),
        .loop = loop,
        .function = function,
        .arguments = arguments,
    };
    if (waiting.executor == NULL)
        return -ENOMEM;
    wait_init(&waiting.wait, "async_to_thread", waiting.executor, take_back);
    int result = give(loop, &waiting);
    if (result < 0)
        return result;
    result = asyncp_park(loop, &waiting.wait);
    adopt_sentence(loop, waiting.errand.sentence);
    return result;
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
        return -EINVAL;
    asyncp_check_inherited("async_set_default_executor");
    ENSURE(loop != NULL, "async_set_default_executor: this thread has no loop");
    if (loop->executor != NULL)
        return -EBUSY;
    set_default_executor(loop, executor);
    return 0;
}
