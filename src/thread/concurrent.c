/*
 * thread/concurrent.c: coroutines that another thread asks a loop for, and the futures by which it
 * hears of them. The future is the messages' memory, too. Invariant: what both threads touch is
 * under the mutex; a future that is not done keeps its loop from ending, so whoever holds the mutex
 * and sees that may send to the loop.
 */
#include "sched/errand.h"
#include "sched/mailbox.h"
#include "sched/sched.h"
#include <asyncio/thread.h>
#include <pthread.h>
#include <time.h>

struct async_concurrent_future {
    struct asyncp_maker maker; /* in options: by which a constructor finds it */
    async_task_options options;
    struct message start;                   /* to the loop: make the task */
    struct message cancel;                  /* to the loop: cancel it */
    struct async_loop *loop;                /* whose task it is */
    const struct asyncp_function *function; /* the task's */
    void *block;                            /* memory of its arguments; NULL: there are none */
    void *arguments;                        /* there, aligned */
    const char *where;                      /* "file:line" that asked */
    struct async_task *task; /* on the loop's thread: the task, held; NULL: not yet, or no more */
    /* of the process that asked: in a child of it no other thread is left */
    unsigned fork_generation;
    pthread_mutex_t mutex;  /* of what follows */
    pthread_cond_t settled; /* done has become true */
    uint32_t references;    /* who asked, the task, a request to cancel on its way */
    int result;             /* when it is done */
    bool done;              /* the task has ended, or never will be made */
    bool asked;             /* to cancel */
    bool released;          /* whoever asked has let go */
    bool looked;            /* whoever asked has seen the result */
};

static size_t block_size(const struct asyncp_function *function)
{
    return function->size + function->alignment;
}

/*
 * false: this is a child of fork(). A thread that it does not have may have been inside the mutex,
 * and stays there.
 */
static bool is_shared(const struct async_concurrent_future *future)
{
    return future->fork_generation == asyncp_fork_generation();
}

static void lock(struct async_concurrent_future *future)
{
    if (is_shared(future))
        pthread_mutex_lock(&future->mutex);
}

static void unlock(struct async_concurrent_future *future)
{
    if (is_shared(future))
        pthread_mutex_unlock(&future->mutex);
}

static void free_future(struct async_concurrent_future *future)
{
    if (future->block != NULL)
        memory_free(&asyncp_malloc, future->block, block_size(future->function));
    if (is_shared(future)) {
        pthread_cond_destroy(&future->settled);
        pthread_mutex_destroy(&future->mutex);
    }
    memory_free(&asyncp_malloc, future, sizeof *future);
}

/* Gives up a reference and the mutex, which the caller has. */
static void release_and_unlock(struct async_concurrent_future *future)
{
    bool last = --future->references == 0;
    unlock(future);
    if (last)
        free_future(future);
}

/* Whether somebody will hear of the result; if not, it is for the loop to report an error. */
static bool settle(struct async_concurrent_future *future, int result)
{
    lock(future);
    bool heard = !future->released;
    future->result = result;
    future->done = true;
    if (is_shared(future))
        pthread_cond_broadcast(&future->settled);
    release_and_unlock(future);
    return heard;
}

/* The task's body. */
static int enter_carried(void *arguments)
{
    struct async_concurrent_future *future = *(struct async_concurrent_future **)arguments;
    struct async_task *task = future->task;
    int result = future->function->enter(future->arguments);
    future->task = NULL;
    task->seen = settle(future, result);
    async_task_detach(task);
    return result;
}

/* Of a coroutine that was sent, and of which nobody hears in another way. */
static void report_unseen(const char *name, const char *where, int result)
{
    char meaning[SENTENCE_SIZE + 32];
    asyncp_describe(meaning, sizeof meaning, result, NULL);
    asyncp_report("'%s' (sent to a loop at %s) failed and nobody looked at its result: %s", name,
                  where, meaning);
}

/* There will be no task. */
static void give_up(struct async_concurrent_future *future, int result)
{
    const char *name = future->function->name, *where = future->where;
    if (!settle(future, result) && result != -ECANCELED)
        report_unseen(name, where, result);
}

static void receive_start(struct message *message, bool is_closing)
{
    static const struct asyncp_function carried = {enter_carried, sizeof(void *), _Alignof(void *),
                                                   "async_run_coroutine_threadsafe", "the library"};
    struct async_concurrent_future *future = CONTAINER_OF(message, struct async_concurrent_future,
                                                          start);
    if (!is_closing)
        future->task = asyncp_create(&carried, &future, NULL, future->where);
    if (future->task != NULL)
        future->task->name = future->function->name;
    else
        give_up(future, is_closing ? -ECANCELED : -ENOMEM);
}

static void receive_cancel(struct message *message, bool is_closing)
{
    struct async_concurrent_future *future = CONTAINER_OF(message, struct async_concurrent_future,
                                                          cancel);
    if (!is_closing && future->task != NULL)
        async_task_cancel(future->task);
    lock(future);
    release_and_unlock(future);
}

/* A limit is measured by the clock that nobody sets. */
static void set_up_condition(pthread_cond_t *condition)
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
    future->block = memory_new(&asyncp_malloc, block_size(function));
    if (future->block == NULL)
        return -ENOMEM;
    uintptr_t address = (uintptr_t)future->block + function->alignment - 1;
    future->arguments = (void *)(address - address % function->alignment);
    memcpy(future->arguments, arguments, function->size);
    return 0;
}

/* The arguments are copied, and a message is sent to the loop: make the task. */
static void *send_to_loop(struct asyncp_maker *maker, const struct asyncp_function *function,
                          const void *arguments, const char *where)
{
    struct async_concurrent_future *future = CONTAINER_OF(maker, struct async_concurrent_future,
                                                          maker);
    ENSURE(loop_is_of_this_process(future->loop),
           "async_run_coroutine_threadsafe(%s): the loop was made before fork(), and is the "
           "parent's; make one in the child",
           function->name);
    future->function = function;
    future->where = where;
    if (copy_arguments(future, arguments) < 0) {
        free_future(future);
        return NULL;
    }
    future->references++;
    asyncp_inbox_send(future->loop, &future->start);
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
    set_up_condition(&future->settled);
    return &future->options;
}

/*
 * Waits until the future is done or the clock has come so far; negative: as long as it takes. Has
 * the mutex.
 */
static void wait_until_settled(struct async_concurrent_future *future, int64_t deadline_ns)
{
    struct timespec deadline = asyncp_timespec(deadline_ns);
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
    if (seconds != seconds)
        return -EINVAL;
    int64_t limit_ns = seconds > 0 ? asyncp_nanoseconds(seconds) : 0, now_ns = asyncp_clock_now();
    if (!is_shared(future))
        return future->done ? future->result : -ECANCELED;
    lock(future);
    bool would_wait_for_itself = !future->done && future->loop == asyncp_current;
    if (!would_wait_for_itself)
        wait_until_settled(future, limit_ns < TIME_NEVER - now_ns ? now_ns + limit_ns : -1);
    int pending = would_wait_for_itself ? -EDEADLK : -ETIMEDOUT;
    int result = future->done ? future->result : pending;
    future->looked |= future->done;
    unlock(future);
    return result;
}

bool async_concurrent_future_cancel(async_concurrent_future *future)
{
    if (future == NULL || !is_shared(future))
        return false;
    lock(future);
    bool pending = !future->done;
    if (pending && !future->asked) {
        future->asked = true;
        future->references++;
        asyncp_inbox_send(future->loop,
                          &future->cancel); /* under the mutex: the task cannot end meanwhile */
    }
    unlock(future);
    return pending;
}

bool async_concurrent_future_done(async_concurrent_future *future)
{
    if (future == NULL)
        return true;
    lock(future);
    bool done = future->done;
    unlock(future);
    return done;
}

void async_concurrent_future_free(async_concurrent_future *future)
{
    if (future == NULL)
        return;
    lock(future);
    future->released = true;
    if (is_shared(future) && future->done && !future->looked && future->result < 0 &&
        future->result != -ECANCELED)
        report_unseen(future->function->name, future->where, future->result);
    release_and_unlock(future);
}
