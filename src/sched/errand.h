/*
 * sched/errand.h: functions that a task has run on a worker thread. The core knows of them what
 * calls of the library on such a thread need to know, and that the task's body is the wait. The
 * threads themselves are the affair of src/thread, which defines what is declared last here.
 */
#ifndef SCHED_ERRAND_H
#define SCHED_ERRAND_H

#include <asyncio/fn.h>

struct async_loop;
struct locals;
struct sentence;

/* What is done on a worker thread. */
struct errand {
    /* task-local values of the task that waits, which cannot set any meanwhile */
    const struct locals *locals;
    /* what was last said about an error there, from malloc; NULL: nothing */
    struct sentence *sentence;
};

/* Of the calling thread; NULL: it is not an executor's, or does nothing. */
extern __thread struct errand *asyncp_errand
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

#endif
