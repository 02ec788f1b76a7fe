/*
 * sched/loop.h: the loop, one per thread. Each member belongs to the room whose header defines its
 * struct, and only the files of that room touch what is in it (tests/links.py checks this).
 */
#ifndef SCHED_LOOP_H
#define SCHED_LOOP_H

#include "base/block.h"
#include "base/options.h"
#include "poll/poll.h"
#include "sched/activity.h"
#include "sched/callback.h"
#include "sched/cancel.h"
#include "sched/clock.h"
#include "sched/errors.h"
#include "sched/guest.h"
#include "sched/inheritance.h"
#include "sched/interrupt.h"
#include "sched/lifetime.h"
#include "sched/local.h"
#include "sched/mailbox.h"
#include "sched/scheduler.h"
#include "sched/task.h"
#include "sched/tasks.h"
#include "sched/timer.h"
#include "stack/overflow.h"
#include "sys/sys.h"

/* What the loop calls and does not know: set by the room that puts everything together. */
struct loop_hooks {
    /* Runs a function on a thread of the executor, as the body of the running task. Switches. */
    int (*offload)(struct async_executor *executor, const struct asyncp_function *function,
                   void *arguments);
    void (*dump)(int fd); /* async_dump */
};

struct async_loop {
    struct scheduler sched;
    struct clock clock;
    struct poller poller;
    struct activity activity;
    struct tasks tasks;
    struct callbacks callbacks;
    struct cancel_round cancel;
    struct locals_table locals;
    struct mailbox mailbox;
    struct interrupt interrupt;
    struct error_log errors;
    struct debug_mode debug;
    struct inheritance inheritance;
    struct closing closing;
    struct block_pool blocks;         /* bytes on their way to and from sockets */
    struct signal_stack signal_stack; /* for handlers of this thread */
    struct async_executor *executor;  /* the default one; NULL: not created yet */
    const struct loop_hooks *hooks;
    async_allocator memory; /* of everything but stacks */
};

/* The calling thread's loop. Read without a function call, also in the shared library. */
extern __thread struct async_loop *asyncp_current
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Why async_run could make no loop for this thread, while its arguments are evaluated; else 0. */
extern __thread int asyncp_run_error
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* How many forks this process is from the first that asked. */
unsigned asyncp_fork_generation(void);

/* The coroutine that runs; NULL: the loop's own stack does. */
static inline struct coroutine *loop_running(const struct async_loop *loop)
{
    return loop->sched.current;
}

static inline bool loop_is_iterating(const struct async_loop *loop)
{
    return loop->sched.iterating;
}

/* Whether a host loop steps this one. */
static inline bool loop_is_hosted(const struct async_loop *loop)
{
    return loop->sched.hosted;
}

/* Makes a node ready to run, after everything that is ready now. */
static inline void loop_push(struct async_loop *loop, struct ready *node)
{
    ready_push(&loop->sched.ready, node);
}

static inline size_t loop_ready_count(const struct async_loop *loop)
{
    return asyncp_ready_count(&loop->sched.ready);
}

/* Sets bits of the attention word, from any thread or signal handler; returns those before. */
static inline uint32_t loop_set_attention(struct async_loop *loop, uint32_t bits)
{
    return atomic_fetch_or(&loop->sched.attention, bits);
}

static inline void loop_clear_attention(struct async_loop *loop, uint32_t bits)
{
    atomic_fetch_and(&loop->sched.attention, ~bits);
}

static inline uint32_t loop_attention(const struct async_loop *loop)
{
    return atomic_load(&loop->sched.attention);
}

/* Has hook called when the loop closes. */
static inline void loop_add_close_hook(struct async_loop *loop, struct guest *hook)
{
    list_append(&loop->closing.hooks, &hook->link);
}

/* Has the call made at the end of this iteration. The caller knows that it is not deferred yet. */
static inline void loop_defer(struct async_loop *loop, struct deferred *deferred)
{
    list_append(&loop->closing.deferred, &deferred->link);
}

/* The process that opened the loop: equal to asyncp_fork_generation() unless it has forked. */
static inline bool loop_is_of_this_process(const struct async_loop *loop)
{
    return loop->inheritance.generation == asyncp_fork_generation();
}

/* One more thread may touch the loop, until loop_release is called; from any thread. */
static inline void loop_hold(struct async_loop *loop)
{
    atomic_fetch_add(&loop->activity.remote_references, 1);
}

static inline void loop_release(struct async_loop *loop)
{
    atomic_fetch_sub(&loop->activity.remote_references, 1);
}

/* Whether threads may still touch the loop. */
static inline bool loop_is_held(const struct async_loop *loop)
{
    return atomic_load(&loop->activity.remote_references) > 0;
}

/* A job was given to another thread, or its end was received: meanwhile the loop is not idle. */
static inline void loop_count_job(struct async_loop *loop, int difference)
{
    loop->activity.jobs += (size_t)difference;
}

/* The end of the run waits for a stream, a while; or no more. */
static inline void loop_count_shutdown_hold(struct async_loop *loop, int difference)
{
    loop->activity.shutdown_holds += (size_t)difference;
}

static inline bool loop_is_debug(const struct async_loop *loop)
{
    return loop->debug.enabled;
}

/* Whether this is a child of fork(), and the loop its parent's. */
static inline bool loop_is_inherited(const struct async_loop *loop)
{
    return loop->inheritance.inherited;
}

/*
 * Something is made by a call and this thread has no loop: fine if async_run could make none, else
 * misuse.
 */
void asyncp_run_expect(const char *call, const char *argument, const char *where);

/* Ends the program: the call needs a task, and there is none. */
_Noreturn void asyncp_no_task(const char *call);

/*
 * loop_check_handler where the loop runs no task: dies with a sentence if it waits in the kernel.
 */
void asyncp_check_handler(const struct async_loop *loop, const char *call);

/*
 * A call that needs no task: dies with a sentence if a signal handler makes it while the loop waits
 * in the kernel.
 */
static inline void loop_check_handler(const struct async_loop *loop, const char *call)
{
    if (unlikely(loop != NULL && loop->sched.current == NULL))
        asyncp_check_handler(loop, call);
}

/* The loop, for a call that needs a running task. */
static inline struct async_loop *loop_enter(const char *call)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(loop == NULL || loop->sched.current == NULL))
        asyncp_no_task(call);
    return loop;
}

/* How many tasks have not ended. */
static inline size_t loop_alive(const struct async_loop *loop)
{
    return (size_t)(loop->tasks.created - loop->tasks.ended - loop->tasks.futures);
}

/* The clock as last read: of this iteration. */
static inline int64_t loop_time(const struct async_loop *loop)
{
    return loop->clock.now_ns;
}

/* The clock, read now. */
static inline int64_t asyncp_now(const struct async_loop *loop)
{
    return loop->clock.is_virtual ? loop->clock.now_ns : asyncp_clock_now();
}

#endif
