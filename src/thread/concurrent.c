/*
 * thread/concurrent.c: async_run_coroutine_threadsafe: a coroutine sent by one thread to the loop
 * of another, and the future from which the first thread reads the result. The messages between the
 * threads are members of the future.
 *
 * Invariants: the mutex protects everything used by both threads. A future that is not done keeps
 * its loop from closing, so a thread holding the mutex of such a future may send to the loop.
 */
#include "base/values.h"
#include "sched/worker.h"
#include "sched/mailbox.h"
#include "sched/sched.h"
#include "sys/clock.h"
#include "sys/report.h"
#include <asyncio/thread.h>
#include <pthread.h>
#include <time.h>

struct async_concurrent_future {
    struct asyncp_maker maker;
    async_task_options options; /* refers to maker */
    struct message start;       /* to the loop: create the task */
    struct message cancel;      /* to the loop: cancel the task */
    struct async_loop *loop;
    const struct asyncp_function *function;
    void *block;       /* the allocation of the arguments; NULL: no arguments */
    void *arguments;   /* aligned, in block */
    const char *where; /* "file:line" of the call */
    /* a handle, only for the loop's thread; NULL: not created yet, or ended */
    struct async_task *task;
    unsigned fork_generation; /* of the creating process */

    pthread_mutex_t mutex; /* protects the members below */
    pthread_cond_t settled;
    uint32_t references; /* of the caller, of the task, of a cancel message */
    int result;          /* valid when done */
    bool done;           /* the task has ended, or could not be created */
    bool cancel_sent;
    bool released; /* the caller has freed the future */
    bool seen;     /* the caller has read the result */
};

static size_t argument_block_size(const struct asyncp_function *function)
{
    return function->size + function->alignment;
}

/*
 * Whether other threads can use the future. In a child of fork() they do not exist, but one of them
 * may have locked the mutex.
 */
static bool is_shared(const struct async_concurrent_future *future)
{
    return future->fork_generation == asyncp_fork_generation();
}

static void lock_future(struct async_concurrent_future *future)
{
    if (is_shared(future))
        pthread_mutex_lock(&future->mutex);
}

static void unlock_future(struct async_concurrent_future *future)
{
    if (is_shared(future))
        pthread_mutex_unlock(&future->mutex);
}

static void free_concurrent_future(struct async_concurrent_future *future)
{
    if (future->block != NULL)
        memory_free(&asyncp_malloc, future->block, argument_block_size(future->function));
    if (is_shared(future)) {
        pthread_cond_destroy(&future->settled);
        pthread_mutex_destroy(&future->mutex);
    }
    memory_free(&asyncp_malloc, future, sizeof *future);
}

/* Drops a reference and unlocks the mutex, which must be locked. */
static void release_and_unlock(struct async_concurrent_future *future)
{
    bool last = --future->references == 0;
    unlock_future(future);
    if (last)
        free_concurrent_future(future);
}

/* Whether the caller can still read the result; if not, the loop reports an error. */
static bool settle_concurrent(struct async_concurrent_future *future, int result)
{
    lock_future(future);
    bool readable = !future->released;
    future->result = result;
    future->done = true;
    if (is_shared(future))
        pthread_cond_broadcast(&future->settled);
    release_and_unlock(future);
    return readable;
}

/* The body of the task. */
static int run_carried(void *arguments)
{
    struct async_concurrent_future *future = *(struct async_concurrent_future **)arguments;
    struct async_task *task = future->task;
    int result = future->function->enter(future->arguments);
    future->task = NULL;
    task->seen = settle_concurrent(future, result);
    async_task_detach(task);
    return result;
}

static void report_unseen_result(const char *name, const char *where, int result)
{
    char meaning[MAX_ERROR_MESSAGE_BYTES + 32];
    asyncp_error_describe(meaning, sizeof meaning, result, NULL);
    asyncp_report("'%s' (sent to a loop at %s) failed and its result was never retrieved: %s", name,
                  where, meaning);
}

/* Settles a future whose task was not created. */
static void fail_to_start(struct async_concurrent_future *future, int result)
{
    const char *name = future->function->name, *where = future->where;
    if (!settle_concurrent(future, result) && result != -ECANCELED)
        report_unseen_result(name, where, result);
}

static void receive_start(struct message *message, bool is_closing)
{
    static const struct asyncp_function carried = {run_carried, sizeof(void *), _Alignof(void *),
                                                   "async_run_coroutine_threadsafe", "the library"};
    struct async_concurrent_future *future = CONTAINER_OF(message, struct async_concurrent_future,
                                                          start);
    if (!is_closing)
        future->task = asyncp_create(&carried, &future, NULL, future->where);
    if (future->task != NULL)
        future->task->name = future->function->name;
    else
        fail_to_start(future, is_closing ? -ECANCELED : -ENOMEM);
}

static void receive_cancel(struct message *message, bool is_closing)
{
    struct async_concurrent_future *future = CONTAINER_OF(message, struct async_concurrent_future,
                                                          cancel);
    if (!is_closing && future->task != NULL)
        async_task_cancel(future->task);
    lock_future(future);
    release_and_unlock(future);
}

/* Timeouts are measured by a clock that cannot be set. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* 0 or -ENOMEM. */
static int copy_arguments(struct async_concurrent_future *future, const void *arguments)
{
    const struct asyncp_function *function = future->function;
    if (function->size == 0)
        return 0;
    future->block = memory_new(&asyncp_malloc, argument_block_size(function));
    if (future->block == NULL)
        return -ENOMEM;
    uintptr_t address = (uintptr_t)future->block + function->alignment - 1;
    future->arguments = (void *)(address - address % function->alignment);
    memcpy(future->arguments, arguments, function->size);
    return 0;
}

/* The maker: copies the arguments and sends the message to create the task. */
static void *send_to_loop(struct asyncp_maker *maker, const struct asyncp_function *function,
                          const void *arguments, const char *where)
{
    struct async_concurrent_future *future = CONTAINER_OF(maker, struct async_concurrent_future,
                                                          maker);
    ENSURE(loop_is_of_this_process(future->loop),
           "async_run_coroutine_threadsafe(%s): the loop was created before fork() and belongs to "
           "the parent; create one in the child",
           function->name);
    future->function = function;
    future->where = where;
    if (copy_arguments(future, arguments) < 0) {
        free_concurrent_future(future);
        return NULL;
    }
    future->references++;
    asyncp_mailbox_send(future->loop, &future->start);
    return future;
}

static void *make_nothing(struct asyncp_maker *maker, const struct asyncp_function *function,
                          const void *arguments, const char *where)
{
    (void)maker, (void)function, (void)arguments, (void)where;
    return NULL;
}

const async_task_options *asyncp_carrier_options(async_loop *loop)
{
    static struct asyncp_maker no_maker = {.make = make_nothing};
    static const async_task_options without_memory = {.asyncp_maker = &no_maker};
    struct async_concurrent_future *future = loop != NULL
                                                 ? memory_new(&asyncp_malloc, sizeof *future)
                                                 : NULL;
    if (future == NULL)
        return &without_memory;
    future->maker.make = send_to_loop;
    future->options.asyncp_maker = &future->maker;
    future->loop = loop;
    future->references = 1;
    future->fork_generation = asyncp_fork_generation();
    future->start.receive = receive_start;
    future->cancel.receive = receive_cancel;
    pthread_mutex_init(&future->mutex, NULL);
    init_condition(&future->settled);
    return &future->options;
}

/*
 * Waits until the future is done, at most until the deadline; negative: without a limit. The mutex
 * must be locked.
 */
static void wait_until_settled(struct async_concurrent_future *future, int64_t deadline_ns)
{
    struct timespec deadline = asyncp_sys_timespec(deadline_ns);
    int result = 0;
    while (!future->done && result != ETIMEDOUT)
        result = deadline_ns < 0
                     ? pthread_cond_wait(&future->settled, &future->mutex)
                     : pthread_cond_timedwait(&future->settled, &future->mutex, &deadline);
}

int async_concurrent_future_result(async_concurrent_future *future, double seconds)
{
    if (future == NULL)
        return -ENOMEM;
    if (is_not_a_number(seconds))
        return async_fail(-EINVAL, "async_concurrent_future_result: seconds is not a number");
    int64_t limit_ns = seconds > 0 ? asyncp_nanoseconds(seconds) : 0,
            now_ns = asyncp_sys_clock_now();
    if (!is_shared(future))
        return future->done ? future->result : -ECANCELED;
    lock_future(future);
    bool would_wait_for_itself = !future->done && future->loop == asyncp_current;
    if (!would_wait_for_itself)
        wait_until_settled(future, limit_ns < TIME_NEVER - now_ns ? now_ns + limit_ns : -1);
    int pending = would_wait_for_itself ? -EDEADLK : -ETIMEDOUT;
    int result = future->done ? future->result : pending;
    future->seen |= future->done;
    unlock_future(future);
    return result;
}

bool async_concurrent_future_cancel(async_concurrent_future *future)
{
    if (future == NULL || !is_shared(future))
        return false;
    lock_future(future);
    bool pending = !future->done;
    if (pending && !future->cancel_sent) {
        future->cancel_sent = true;
        future->references++;
        /* with the mutex locked: the task cannot end and the loop close before it */
        asyncp_mailbox_send(future->loop, &future->cancel);
    }
    unlock_future(future);
    return pending;
}

bool async_concurrent_future_done(async_concurrent_future *future)
{
    if (future == NULL)
        return true;
    lock_future(future);
    bool done = future->done;
    unlock_future(future);
    return done;
}

void async_concurrent_future_free(async_concurrent_future *future)
{
    if (future == NULL)
        return;
    lock_future(future);
    future->released = true;
    if (is_shared(future) && future->done && !future->seen && future->result < 0 &&
        future->result != -ECANCELED)
        report_unseen_result(future->function->name, future->where, future->result);
    release_and_unlock(future);
}
