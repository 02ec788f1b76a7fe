/*
 * sched/task.h: the two halves of a task. A handle points to a small record; its memory belongs to
 * the loop until the loop is closed, so a stale handle never points to freed memory. The coroutine
 * is the running part: the control block at the top of a stack, which exists until the body has
 * returned.
 *
 *      async_task  ────────────→  coroutine
 *      result, references         context, wait, scopes       ┐
 *      name, id         ←───────  task                        │ one stack
 *                                 arguments                   │
 *                                 frames…                     ┘
 *
 * A record is freed when it has no references and its coroutine has ended. A future is a record
 * that points to one shared coroutine, which never runs; code that waits for a task, or asks
 * whether it is done, treats both alike.
 */
#ifndef SCHED_TASK_H
#define SCHED_TASK_H

#include "base/pool.h"
#include "base/text.h"
#include "sched/ready.h"
#include "sched/wait.h"
#include "stack/context.h"
#include "stack/stack.h"
#include <asyncio/task.h>

struct locals;
struct scope;

/*
 * Set in `references` while the task is borrowed: held by its group, or passed to a done callback.
 */
#define TASK_BORROWED ((uint32_t)1 << 31)

struct async_task {
    struct coroutine *coroutine; /* NULL when it has ended; &asyncp_future for a future */
    struct async_loop *loop;
    struct list waiters;           /* for its end: tasks and listeners, in the order of arrival */
    uint64_t id;                   /* 1, 2, 3…; never reused */
    const char *name;              /* of the function, or a copy: see owns_name */
    const char *where;             /* "file:line" of the creating call */
    struct error_message *message; /* error message of the result; NULL: none */
    union {
        uint64_t ended;        /* when it has ended: the order of ends, from 1 */
        struct pool_link free; /* of a free record */
    };
    union {
        struct async_task *next_ended; /* while its group holds it: the next ended child */
        uint64_t taken_by;             /* of a free record: id of the task that took the handle */
    };
    int result;          /* -EINPROGRESS until it has ended */
    uint32_t references; /* handles, and TASK_BORROWED */
    uint32_t reserved;   /* references of pending joins and done callbacks */
    bool owns_name;      /* name is allocated */
    bool seen;           /* its result was read */
    bool marked;         /* temporary, of async_gather_n: seen before */
    bool started;        /* async_set_started was called */
    int started_value;
};

/*
 * The constructor behind options.asyncp_maker, for calls other than async_create_task. A group sets
 * start, async_run_coroutine_threadsafe sets make.
 */
struct asyncp_maker {
    /*
     * Decides when the new task begins. 1: now; 0: the maker will start it; -errno: the task is
     * discarded. coroutine is NULL if memory is out.
     */
    int (*start)(struct async_loop *loop, struct asyncp_maker *maker, struct coroutine *coroutine);
    /* Returns another object instead of a task. NULL: create a task on the loop of this thread. */
    void *(*make)(struct asyncp_maker *maker, const struct asyncp_function *function,
                  const void *arguments, const char *where);
};

/* The membership of a task in a group. */
struct member {
    struct waiter listener; /* tells the group when the task ends */
    struct link sibling;    /* in the list of children not yet ended */
    struct asyncp_maker *group;
};

/* The members used by every switch and every call come first and fill one cache line. */
struct coroutine {
    struct ready ready;
    struct context context; /* while it does not run */
    struct async_task *task;
    struct wait *wait;             /* NULL: it runs or is ready */
    struct scope *scopes;          /* the innermost first */
    struct error_message *message; /* its last error message; NULL: none */
    bool cancel_pending;           /* a cancellation is pending: see cancel.c */
    bool throttled;                /* throttled: its group starts it when another child has ended */
    uint32_t requests;             /* unanswered requests to cancel */
    uint64_t request_round;        /* the last round to reach it: see cancel.c */
    uint32_t refusals;    /* calls that failed with -ECANCELED since a request or time limit */
    uint32_t select_turn; /* of async_select; 0: it has not yielded yet */
    const struct error_message *reason; /* of the request to cancel; NULL: unknown, or no request */
    const struct asyncp_function *function;
    void *arguments;                 /* below this struct */
    struct async_executor *executor; /* of an offloaded job */
    struct locals *locals;           /* task-local values; NULL: none */
    struct coroutine *next_refused;  /* in the delivery queue: see cancel.c */
    struct stack stack;              /* it contains this struct */
    struct member member;            /* undefined unless it was created in a group */
};

static inline bool task_done(const struct async_task *task)
{
    return task->coroutine == NULL;
}

/* The handles among the references, reserved or not. */
static inline uint32_t task_handles(const struct async_task *task)
{
    return task->references & ~TASK_BORROWED;
}

/* Adds a reserved reference, for a call that will read the result later. */
static inline void task_hold(struct async_task *task)
{
    task->references++;
    task->reserved++;
}

/* Undoes the reservation of task_reserve or task_hold; the reference stays. */
static inline void task_unreserve(struct async_task *task)
{
    ASSERT(task->reserved > 0);
    task->reserved--;
}

/* The coroutine of all pending futures. Never written. */
extern const struct coroutine asyncp_future __attribute__((visibility("hidden")));

static inline bool task_is_future(const struct async_task *task)
{
    return task->coroutine == &asyncp_future;
}

static inline struct coroutine *coroutine_of_ready(struct ready *ready)
{
    return CONTAINER_OF(ready, struct coroutine, ready);
}

/* Frees the name and the error message of a record; reports an error that was never read. */
void asyncp_task_free_words(struct async_task *task);

/* A new future. NULL: out of memory. */
struct async_task *asyncp_task_promise(struct async_loop *loop, const char *name,
                                       const char *where);

/* Ends a pending future. */
void asyncp_future_settle(struct async_task *future, int result);

/*
 * The next task not yet ended, in no particular order. task NULL: the first; returns NULL at the
 * end.
 */
struct async_task *asyncp_task_next(struct async_loop *loop, const struct async_task *task);

/* The same of tasks that have failed, while there is a handle and their result was not read. */
struct async_task *asyncp_task_next_failed(struct async_loop *loop, const struct async_task *task);

/* Whether a future that has no result yet is waited for, by any call. */
bool asyncp_is_future_awaited(struct async_loop *loop);

/* The task with a number. NULL: it has ended. Looks at all tasks. */
struct async_task *asyncp_task_find(struct async_loop *loop, uint64_t id);

/* The name, which may be from a peer, without control characters. */
struct shown_name {
    char text[128];
};
struct shown_name asyncp_shown_name(const struct async_task *task);

/* The description of a task in reports: "task #3 'fetch' (created at fetch.c:42)". */
struct label {
    char text[256];
};
struct label asyncp_label(const struct async_task *task);

/* Sets the name of the task to a copy. 0 or -ENOMEM. */
int asyncp_task_rename(struct async_task *task, const char *name);

/* A wait for the end of all of some tasks: asyncp_join. */
struct join {
    struct wait wait;
    struct waiter waiter; /* in the list of the task awaited now */
    async_task *const *tasks;
    size_t count;
    uint64_t passed_on; /* the last round of requests forwarded to the tasks */
};

/*
 * Waits until all tasks have ended. NULLs and the running task are skipped. Requests to cancel the
 * running task, before or during the wait, are forwarded to all of them; they are awaited
 * nevertheless. Takes no handle. Returns whether a request was forwarded.
 */
bool asyncp_join(struct async_loop *loop, async_task *const tasks[], size_t count,
                 const char *call);

/*
 * Returns the result of an ended task, moves its error message to the running task, and takes a
 * reference reserved by task_reserve or task_hold. -ENOMEM for NULL.
 */
int asyncp_task_collect(struct async_loop *loop, struct async_task *task);

#endif
