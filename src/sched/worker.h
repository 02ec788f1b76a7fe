/*
 * sched/worker.h: offloaded jobs, as far as calls of the library on a worker thread depend on them.
 * src/thread runs them.
 */
#ifndef SCHED_WORKER_H
#define SCHED_WORKER_H

#include <asyncio/fn.h>

struct async_loop;
struct locals;
struct error_message;

/* The job run by the thread. */
struct worker_context {
    const struct locals *locals;   /* of the waiting task, which cannot change them meanwhile */
    struct error_message *message; /* error message of the thread, from malloc; NULL: none */
};

/* The job of the calling thread; NULL: it runs none. */
extern __thread struct worker_context *asyncp_worker
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

#endif
