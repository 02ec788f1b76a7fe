/*
 * thread/executor.h: worker threads and their work, done in the order in which it was given. Work
 * is a node in memory of the giver's, so giving it needs no memory. It knows neither the kind of
 * work nor the waiting tasks.
 *
 *      queue      work not taken by a worker, the oldest first      ┐
 *      workers    started on demand, up to the limit, and kept      ┘ under one mutex
 *      available  workers without work, which come for some by themselves
 */
#ifndef THREAD_EXECUTOR_H
#define THREAD_EXECUTOR_H

#include "base/list.h"
#include "sched/close_hook.h"
#include "sys/spin.h"
#include <asyncio/thread.h>
#include <pthread.h>

struct work {
    struct link link;               /* in the queue */
    bool queued;                    /* under the executor's mutex */
    void (*run)(struct work *work); /* on a worker thread; may free the work */
};

/* A place for a worker thread. */
struct worker {
    struct async_executor *executor;
    pthread_t thread;
    bool exists;       /* it was started and not joined; under the mutex, as the next one */
    bool leaves;       /* it is to end, though there may be work */
    _Atomic bool busy; /* it has work */
};

struct async_executor {
    async_task_options options;   /* of tasks whose functions run here */
    struct close_hook close_hook; /* of the loop whose default executor it is */
    pthread_mutex_t mutex;        /* of the following fields */
    pthread_cond_t work_came;     /* or workers are to end */
    struct list queue;
    _Atomic uint32_t queued; /* how much is there */
    last_cpu giver_seen;     /* where the last giver ran */
    bool spinning;           /* a worker spins before it sleeps; one is enough */
    size_t count;            /* existing workers */
    size_t limit;
    size_t waiting; /* sleeping workers */
    _Atomic size_t available;
    bool closing; /* workers end when the queue is empty */
    _Atomic uint32_t
        references;           /* of the owner, and of work that was given and may be taken back */
    unsigned fork_generation; /* of the process whose threads they are */
    struct worker workers[];
};

/*
 * Makes an executor in memory of the caller's, zeroed, with room for so many workers. It is never
 * freed. In a child of fork() it can be made again, which forgets its threads and their work.
 */
void asyncp_executor_init(struct async_executor *executor, size_t limit);

/*
 * Gives it work. 0; -EAGAIN and the like: it has no thread and none can be started; -ESHUTDOWN: it
 * is closing.
 */
int asyncp_executor_give(struct async_executor *executor, struct work *work);

/* For a worker about to report the end of its work: it counts as available from now on. */
void asyncp_executor_worker_ends(struct async_executor *executor);

/* Takes work back; false: a worker has it. */
bool asyncp_executor_take_back(struct async_executor *executor, struct work *work);

/* Drops a reference; the last one frees the executor. */
void asyncp_executor_release(struct async_executor *executor);

/*
 * Ends the workers without work, and waits for their ends. The others stay, and so does the queue.
 */
void asyncp_executor_end_idle(struct async_executor *executor);

/* The body of a task with options.executor: runs the function there, and waits. Switches. */
int asyncp_offload(struct async_executor *executor, const struct asyncp_function *function,
                   void *arguments);

/* The same for a task in that public call. */
int asyncp_offload_for(const char *call, struct async_executor *executor,
                       const struct asyncp_function *function, void *arguments);

#endif
