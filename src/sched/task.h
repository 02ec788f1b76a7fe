/*
 * sched/task.h: the two halves of a task. What a handle points to is a small record in memory that
 * stays the loop's until it closes, so that a handle kept too long is never a wild pointer. What
 * runs is the coroutine: the control block at the top of a stack, there only until the body has
 * returned.
 *
 *      async_task  ────────────→  coroutine
 *      result, references         context, wait, scopes       ┐
 *      name, id         ←───────  task                        │ one stack
 *                                 arguments                   │
 *                                 frames…                     ┘
 *
 * A record is free when nobody holds a handle and its coroutine is gone. A future is a record whose
 * coroutine is one that never runs, the same for all: whoever asks whether it is done, or waits for
 * its end, need not know.
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
 * Set in a task's references while it is lent: its group keeps it, or a done callback is told of
 * it.
 */
#define TASK_KEPT ((uint32_t)1 << 31)

struct async_task {
    struct coroutine *coroutine; /* what runs; NULL when it has ended; of a future, asyncp_future */
    struct async_loop *loop;     /* whose task it is */
    struct list waiters;         /* who waits for its end, and listeners, in the order they came */
    uint64_t id;                 /* 1, 2, 3…; never used again */
    const char *name;            /* the function's, or one of its own: see owns_name */
    const char *where;           /* "file:line" that created it */
    struct sentence *sentence;   /* what was said about its error; NULL: nothing */
    union {
        uint64_t ended;        /* when it has ended: how many had ended before it, plus one */
        struct pool_link free; /* when it is free: in the pool */
    };
    union {
        struct async_task *next_ended; /* while its group keeps it: the child that ended after it */
        /* when it is free: the id of the task that took the last handle; 0: none */
        uint64_t taken_by;
    };
    int result;          /* when it has ended */
    uint32_t references; /* handles that are held, and TASK_KEPT */
    uint32_t reserved;   /* of the references, those of joins under way and of callbacks to come */
    bool owns_name;      /* the name is a copy on the heap */
    bool seen;           /* somebody looked at its result */
    bool marked;         /* for the moment, by async_gather_n: met before */
    bool started;        /* it has called async_set_started */
    int started_value;   /* with this */
};

/*
 * What options.asyncp_maker points to: a constructor called by another call than async_create_task.
 * A group sets start, async_run_coroutine_threadsafe make.
 */
struct asyncp_maker {
    /*
     * Decides when the new task begins. 1: now; 0: the maker starts it later; -errno: the task is
     * discarded. coroutine is NULL if there was no memory for it.
     */
    int (*start)(struct async_loop *loop, struct asyncp_maker *maker, struct coroutine *coroutine);
    /* Returns something else in place of a task. NULL: a task of this thread's loop is created. */
    void *(*make)(struct asyncp_maker *maker, const struct asyncp_function *function,
                  const void *arguments, const char *where);
};

/* The membership of a task in a group. */
struct member {
    struct waiter listener;     /* tells the group of the task's end */
    struct link sibling;        /* among the children that have not ended */
    struct asyncp_maker *group; /* the group */
};

/*
 * What every switch and every call touches comes first and fills one cache line; the rest is for
 * rarer moments.
 */
struct coroutine {
    struct ready ready;        /* in the ready queue, while it can run */
    struct context context;    /* where it goes on, while it does not run */
    struct async_task *task;   /* its record */
    struct wait *wait;         /* what it is stopped in; NULL: it runs or is ready */
    struct scope *scopes;      /* timeouts and shelters in force, the innermost first */
    struct sentence *sentence; /* what it last said about an error, or was told */
    bool refused;              /* its switching calls are: see cancel.c for when */
    bool held_back;            /* its group lets it begin when another child has ended */
    uint32_t requests;         /* to cancel it, not answered */
    uint64_t request_round;    /* the last request that reached it: see cancel.c */
    uint32_t refusals;         /* calls refused since it was last asked */
    uint32_t select_turn;      /* for async_select: see there; 0: it never gave way */
    /* why it was asked to cancel; NULL: nobody said, or nobody did */
    const struct sentence *reason;
    const struct asyncp_function *function; /* what it runs */
    void *arguments;                        /* with these, below this struct */
    struct async_executor *executor;        /* that runs it; for begin_offloaded */
    struct locals *locals;                  /* task-local values; NULL: none */
    struct coroutine *next_refused; /* in the loop's list of those a request is on its way to */
    struct stack stack;             /* what it lies on */
    struct member member;           /* of the group it was created in; else meaningless */
};

static inline bool task_done(const struct async_task *task)
{
    return task->coroutine == NULL;
}

/* The references that a handle stands for, whether or not they are reserved. */
static inline uint32_t task_handles(const struct async_task *task)
{
    return task->references & ~TASK_KEPT;
}

/* One more reference, for a call that borrowed the task and has yet to read its result. */
static inline void task_hold(struct async_task *task)
{
    task->references++;
    task->reserved++;
}

/* The counterpart of task_reserve and task_hold: the reference is no longer set apart. */
static inline void task_unreserve(struct async_task *task)
{
    ASSERT(task->reserved > 0);
    task->reserved--;
}

/* What stands for the coroutine of a future that is pending. Nobody writes to it. */
extern const struct coroutine asyncp_future __attribute__((visibility("hidden")));

static inline bool task_is_future(const struct async_task *task)
{
    return task->coroutine == &asyncp_future;
}

static inline struct coroutine *coroutine_of_ready(struct ready *ready)
{
    return CONTAINER_OF(ready, struct coroutine, ready);
}

/* Frees the words that a record has of its own; an error that nobody looked at is reported. */
void asyncp_task_free_words(struct async_task *task);

/* A new record of which somebody else will say how it ended. NULL: out of memory. */
struct async_task *asyncp_task_promise(struct async_loop *loop, const char *name,
                                       const char *where);

/* Says how a pending future ended. */
void asyncp_future_settle(struct async_task *future, int result);

/*
 * The next task after this one (NULL: the first) that runs and has not ended, in no particular
 * order; or NULL.
 */
struct async_task *asyncp_task_next(struct async_loop *loop, const struct async_task *task);

/* What people are told of a task: "task #3 'fetch' (created at fetch.c:42)". */
struct label {
    char text[256]; /* the words */
};
struct label asyncp_label(const struct async_task *task);

/* Gives the task a name of its own, a copy. 0 or -ENOMEM. */
int asyncp_task_rename(struct async_task *task, const char *name);

/*
 * Waits until all tasks have ended. NULLs among them have. Whenever this task is asked to cancel,
 * before or during, they all are, and are waited for nevertheless. The running task among them is
 * passed over. Takes no handle.
 */
void asyncp_join(struct async_loop *loop, async_task *const tasks[], size_t count,
                 const char *call);

/*
 * The result of a task that has ended; its sentence comes along; takes a reference that
 * task_reserve or task_hold has reserved. -ENOMEM for NULL.
 */
int asyncp_task_collect(struct async_loop *loop, struct async_task *task);

#endif
