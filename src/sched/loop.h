/*
 * sched/loop.h: the loop, one per thread. Each member is a room: the struct is defined by the
 * header of that room, and only the files of the room touch its fields (tests/links.py checks
 * this). Other code calls the accessors here.
 */
#ifndef SCHED_LOOP_H
#define SCHED_LOOP_H

#include "base/block.h"
#include "base/options.h"
#include "poll/poll.h"
#include "sched/activity.h"
#include "sched/callback.h"
#include "sched/cancel.h"
#include "sched/catch.h"
#include "sched/clock.h"
#include "sched/errors.h"
#include "sched/idle.h"
#include "sched/close_hook.h"
#include "sched/deadlock.h"
#include "sched/inheritance.h"
#include "sched/interrupt.h"
#include "sched/lifetime.h"
#include "sched/listing.h"
#include "sched/local.h"
#include "sched/mailbox.h"
#include "sched/metrics.h"
#include "sched/scheduler.h"
#include "sched/task.h"
#include "sched/tasks.h"
#include "sched/timer.h"
#include "sched/tracer.h"
#include "stack/overflow.h"
#include "sys/clock.h"

/* Functions of higher folders, called by the loop. Set by src/top. */
struct loop_hooks {
    /* Runs a function on a thread of the executor, as the body of the running task. Switches. */
    int (*offload)(struct async_executor *executor, const struct asyncp_function *function,
                   void *arguments);
    void (*dump)(int fd);        /* async_dump */
    void (*print_tasks)(int fd); /* as trees, of all loops of the process */
    void (*report_deadlock)(struct async_loop *loop, enum deadlock_kind kind);
    void (*report_refusals)(const struct async_task *task);
    void (*observe)(struct async_loop *loop); /* debug mode was switched on */
    const struct layout_note *layout; /* not used: it is named so that static programs have it */
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
    struct caught_signals signals;
    struct interrupt interrupt;
    struct error_log errors;
    struct debug_mode debug;
    struct deadlock deadlock;
    struct inheritance inheritance;
    struct closing closing;
    struct block_pool blocks;         /* buffers of sockets */
    struct signal_stack signal_stack; /* alternate signal stack of the thread */
    struct async_executor *executor;  /* the default one; NULL: not created yet */
    struct listing listing;
    struct tracer tracer;
    struct metrics metrics;
    const struct loop_hooks *hooks;
    struct idle_hook idle;
    async_allocator memory; /* for everything but stacks */
};

/* The calling thread's loop. Read without a function call, also in the shared library. */
extern __thread struct async_loop *asyncp_current
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Why async_run could not open a loop on this thread, while its arguments are evaluated; else 0. */
extern __thread int asyncp_run_error
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The number of forks between the first process and this one. */
unsigned asyncp_fork_generation(void);

/* The running coroutine; NULL: the loop itself runs, on its own stack. */
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

static inline void loop_set_idle(struct async_loop *loop, asyncp_idle_function *function,
                                 void *context)
{
    loop->idle = (struct idle_hook){.function = function, .context = context};
    loop->clock.deterministic = true;
}

/* Turns that were put in order, with a seed. */
static inline uint64_t loop_ordered(const struct async_loop *loop)
{
    return loop->sched.order.turns;
}

/*
 * A number that is different after each switch, if the hook is set. On a virtual clock the hook is
 * called in each iteration, and a real clock shows another time; within one each turn is counted.
 */
static inline uint64_t loop_turn(const struct async_loop *loop)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u; /* spreads the number of the iteration */
    return (loop->idle.asked + (uint64_t)loop->clock.polled_ns) * odd -
           (uint64_t)loop->sched.turns_left;
}

/* Appends a node to the ready queue. */
static inline void loop_push(struct async_loop *loop, struct ready *node)
{
    ready_push(&loop->sched.ready, node);
}

/* Members that change while a loop is not held. */
struct loop_pulse {
    int64_t polled_ns; /* its last poll */
    int64_t slow_ns;   /* the limit of debug mode */
    uint64_t turns;    /* how often a task or a callback has run */
    bool is_debug;
    bool is_virtual; /* its clock: the time of the last poll tells nothing */
    bool rests;      /* it sleeps, writes a report, or is not iterating */
};

/* Whether something is ready to run. */
static inline bool loop_has_ready(const struct async_loop *loop)
{
    return loop->sched.ready.first != NULL;
}

static inline size_t loop_ready_count(const struct async_loop *loop)
{
    return asyncp_ready_count(&loop->sched.ready);
}

/* Begins a burst, of 0 turns if a poll is due. */
static inline void loop_begin_burst(struct async_loop *loop, int32_t turns)
{
    loop->sched.turns += (uint64_t)(loop->sched.burst - loop->sched.turns_left);
    loop->sched.burst = loop->sched.turns_left = turns;
}

/* How often a task or a callback has run. */
static inline uint64_t loop_turns(const struct async_loop *loop)
{
    return loop->sched.turns + (uint64_t)(loop->sched.burst - loop->sched.turns_left);
}

/* From a copy of the loop, which another thread has made. */
static inline struct loop_pulse loop_pulse(const struct async_loop *copy)
{
    bool rests = (atomic_load(&copy->sched.attention) & ATTENTION_SLEEPING) != 0 ||
                 !copy->sched.iterating || copy->debug.reports > 0;
    return (struct loop_pulse){.polled_ns = copy->clock.polled_ns,
                               .slow_ns = copy->debug.slow_ns,
                               .turns = loop_turns(copy),
                               .is_debug = copy->debug.enabled,
                               .is_virtual = copy->clock.is_virtual,
                               .rests = rests};
}

/* Around a report that the loop's thread writes. Meanwhile no function of the program runs. */
static inline void loop_report_begins(struct async_loop *loop)
{
    loop->debug.reports++;
}

static inline void loop_report_ends(struct async_loop *loop)
{
    ASSERT(loop->debug.reports > 0);
    loop->debug.reports--;
}

/*
 * Sets pending-event flags, from any thread or signal handler; returns the previous flags. Does not
 * wake the loop: see asyncp_attend.
 */
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

/* Calls hook when the loop is closed. */
static inline void loop_add_close_hook(struct async_loop *loop, struct close_hook *hook)
{
    list_append(&loop->closing.hooks, &hook->link);
}

/* Calls hook when the loop ends, before it waits for streams. */
static inline void loop_add_ending(struct async_loop *loop, struct close_hook *hook)
{
    list_append(&loop->closing.endings, &hook->link);
}

/* Calls deferred->run at the end of this iteration. It must not be pending already. */
static inline void loop_defer(struct async_loop *loop, struct deferred *deferred)
{
    list_append(&loop->closing.deferred, &deferred->link);
}

/* Whether this process opened the loop; false in a child of fork(). */
static inline bool loop_is_of_this_process(const struct async_loop *loop)
{
    return loop->inheritance.generation == asyncp_fork_generation();
}

/*
 * Adds a remote reference: another thread may touch the loop until loop_release. From any thread.
 */
static inline void loop_hold(struct async_loop *loop)
{
    atomic_fetch_add(&loop->activity.remote_references, 1);
}

static inline void loop_release(struct async_loop *loop)
{
    atomic_fetch_sub(&loop->activity.remote_references, 1);
}

/* Whether there are remote references. */
static inline bool loop_is_held(const struct async_loop *loop)
{
    return atomic_load(&loop->activity.remote_references) > 0;
}

/* Counts a job as started (1) or finished (-1). While jobs are pending the loop is not idle. */
static inline void loop_count_job(struct async_loop *loop, int difference)
{
    loop->activity.jobs += (size_t)difference;
    loop->activity.jobs_begun += difference > 0;
}

static inline size_t loop_jobs(const struct async_loop *loop)
{
    return loop->activity.jobs;
}

/* The pending jobs, and those that have ended or could not be given to a thread. */
static inline uint64_t loop_jobs_begun(const struct async_loop *loop)
{
    return loop->activity.jobs_begun;
}

/* Adds (1) or removes (-1) a stream delaying the end of the run, for a limited time. */
static inline void loop_count_shutdown_hold(struct async_loop *loop, int difference)
{
    loop->activity.shutdown_holds += (size_t)difference;
}

/* The same for a stream that delays it until all is sent. */
static inline void loop_count_output_hold(struct async_loop *loop, int difference)
{
    loop->activity.output_holds += (size_t)difference;
}

/* Standard output could not be sent, and no call of the program is left to return the error. */
static inline void loop_note_lost_output(struct async_loop *loop)
{
    loop->activity.output_was_lost = true;
}

/*
 * Notes that the running task ignores its cancellation. It is about to stop in a refused call;
 * after that stop the loop reports the task and its line. A burst that began without debug mode
 * reports nothing, so the task may end first.
 */
static inline void loop_note_refusals(struct async_loop *loop, uint64_t task)
{
    loop->debug.ignores = task;
}

/* Whether each stop passes through code for debug mode or for a trace. */
static inline bool loop_watches_stops(const struct async_loop *loop)
{
    return loop->debug.watches_stops;
}

/* Around each function of the program that the loop calls itself; tools read it. */
static inline void loop_set_in_callback(struct async_loop *loop, bool is_running)
{
    loop->callbacks.is_running = is_running;
}

static inline bool loop_is_traced(const struct async_loop *loop)
{
    return loop->tracer.ring != NULL;
}

/* After the loop's debug mode, or whether it is traced, has changed. */
static inline void loop_watch_stops(struct async_loop *loop)
{
    loop->debug.watches_stops = loop->debug.enabled || loop_is_traced(loop);
}

static inline bool loop_is_debug(const struct async_loop *loop)
{
    return loop->debug.enabled;
}

/* The program gets a pointer to the loop. loop may be NULL. */
static inline struct async_loop *loop_give_out(struct async_loop *loop)
{
    if (loop != NULL)
        loop->deadlock.is_known_outside = true;
    return loop;
}

/* Before a wait for a descriptor. */
static inline void loop_note_file(const struct async_loop *loop, struct file_wait *wait)
{
    if (unlikely(loop->debug.enabled))
        asyncp_note_file(wait);
}

/* Whether this is a child of fork() and the loop belongs to the parent. */
static inline bool loop_is_inherited(const struct async_loop *loop)
{
    return loop->inheritance.inherited;
}

/*
 * For a call that creates something and finds no loop: returns if async_run failed to open one,
 * else it is misuse.
 */
void asyncp_run_expect(const char *call, const char *argument, const char *where);

/* Reports misuse: the call needs a running task. */
_Noreturn void asyncp_no_task(const char *call);

/* loop_check_handler where the loop runs no task. */
void asyncp_check_handler(const struct async_loop *loop, const char *call);

/*
 * For a call that needs no task: it is misuse in a signal handler while the loop sleeps.
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

/* The number of tasks not yet ended. */
static inline size_t loop_alive(const struct async_loop *loop)
{
    return (size_t)(loop->tasks.created - loop->tasks.ended - loop->tasks.futures);
}

/* Advances a virtual clock. */
static inline void loop_advance_clock(struct async_loop *loop, int64_t ns)
{
    loop->clock.now_ns += loop->clock.is_virtual ? ns : 0;
}

/* The clock when it was last read: at the latest in this iteration. */
static inline int64_t loop_time(const struct async_loop *loop)
{
    return loop->clock.now_ns;
}

/* The clock, read now. */
static inline int64_t asyncp_now(const struct async_loop *loop)
{
    return loop->clock.is_virtual ? loop->clock.now_ns : asyncp_sys_clock_now();
}

/* Reads the clock for loop_time. */
static inline void loop_read_clock(struct async_loop *loop)
{
    loop->clock.now_ns = asyncp_now(loop);
}

#endif
