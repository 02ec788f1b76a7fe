/*
 * thread/executor.h: a set of worker threads and the work that they take. Work is a node in the
 * frame of the task that waits for it, so to give some needs no memory. It must not know who waits,
 * nor how the worker tells him.
 *
 *      queue      work nobody has taken, the oldest first       ┐
 *      workers    made on demand, up to the limit, and kept     ┘ under one mutex
 *      available  of those, how many run no function: they come for work by themselves
 */
#ifndef THREAD_EXECUTOR_H
#define THREAD_EXECUTOR_H

#include "base/list.h"
#include "sched/guest.h"
#include "sys/patience.h"
#include <asyncio/thread.h>
#include <pthread.h>

/* Something to do. */
struct work {
    struct link link; /* in the queue, while nobody has taken it */
    bool queued;      /* it is there; under the executor's mutex */
    void (*run)(
        struct work *); /* does it, on a worker thread; the work may be gone when it returns */
};

struct async_executor {
    async_task_options options; /* for tasks whose functions run here */
    struct guest guest;         /* of the loop whose default executor it is */
    pthread_mutex_t mutex;      /* of what follows */
    pthread_cond_t work_came;   /* what idle workers wait for; or closing was set */
    struct list queue;          /* of work */
    _Atomic uint32_t queued;    /* how much is there */
    seen_at giver_seen;         /* who gave work last */
    bool watched;               /* a worker looks for work before it sleeps; one is enough */
    size_t count;               /* workers that were made */
    size_t limit;               /* workers that may be */
    size_t waiting;             /* workers that wait for work */
    _Atomic size_t available; /* workers that have work neither now nor before they ask for some */
    bool closing;             /* workers end when the queue is empty */
    _Atomic uint32_t references; /* whoever may free it, and tasks that may still take work back */
    unsigned fork_generation;    /* of the process whose threads they are */
    pthread_t workers[];         /* those that were made */
};

/*
 * Gives it work. 0; -EAGAIN and the like: nobody is there to do it; -ESHUTDOWN: the executor is
 * closing.
 */
int asyncp_executor_give(struct async_executor *executor, struct work *work);

/* For a worker that has done its work and has only to say so: it counts as free from now on. */
void asyncp_executor_worker_ends(struct async_executor *executor);

/* Takes work back; false: a worker has it. */
bool asyncp_executor_take_back(struct async_executor *executor, struct work *work);

/* Lets the executor go; the last frees it. */
void asyncp_executor_release(struct async_executor *executor);

/* The body of a task that has options.executor: runs the function there, and waits. Switches. */
int asyncp_offload(struct async_executor *executor, const struct asyncp_function *function,
                   void *arguments);

#endif
