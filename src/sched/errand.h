/*
 * sched/errand.h: functions that a task has run on a worker thread. The core knows of them what
 * calls of the library on such a thread need to know, and that the task's body is the wait. The
 * threads themselves are the affair of src/thread, which defines what is declared last here.
 */
#ifndef SCHED_ERRAND_H
#define SCHED_ERRAND_H

#include <asyncio/fn.h>

struct async_concurrent_future;
struct async_executor;
struct async_loop;
struct locals;
struct error_message;

/* What is done on a worker thread. */
struct errand {
    /* task-local values of the task that waits, which cannot set any meanwhile */
    const struct locals *locals;
    /* what was last said about an error there, from malloc; NULL: nothing */
    struct error_message *sentence;
};

/* Of the calling thread; NULL: it is not an executor's, or does nothing. */
extern __thread struct errand *asyncp_errand
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * The body of a task that has options.executor: has the function run there, and waits. Defined in
 * src/thread.
 */
int asyncp_executor_run(struct async_executor *executor, const struct asyncp_function *function,
                        void *arguments);

/*
 * A constructor was called for async_run_coroutine_threadsafe: copies the arguments, and sends what
 * is to be done to the loop. NULL: out of memory. Defined in src/thread.
 */
struct async_concurrent_future *asyncp_carry(struct async_concurrent_future *future,
                                             const struct asyncp_function *function,
                                             const void *arguments, const char *where);

/*
 * The loop closes, and all its tasks have ended: no worker thread touches it after this. Defined in
 * src/thread.
 */
void asyncp_executor_leave(struct async_loop *loop);

#endif
