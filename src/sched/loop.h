/*
 * sched/loop.h: the loop: one for a thread, the only thing that schedules. A task that stops goes
 * straight on to the next ready one; the loop's own stack is returned to only when something rare
 * is due: a look at clock and descriptors, a callback, a message, nothing ready. The attention word
 * gathers those reasons.
 */
#ifndef SCHED_LOOP_H
#define SCHED_LOOP_H

#include "base/block.h"
#include "base/heap.h"
#include "base/pool.h"
#include "base/text.h"
#include "sched/cancel.h"
#include "sched/guest.h"
#include "sched/local.h"
#include "sched/ready.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "stack/overflow.h"
#include "poll/poll.h"
#include "sys/spin.h"
#include "sys/clock.h"
#include "sys/report.h"
#include "sys/signals.h"
#include <asyncio/loop.h>
#include <stdatomic.h>

/* Bits of the attention word. */
enum {
    ATTENTION_INBOX = 1,    /* another thread has sent something */
    ATTENTION_SIGNAL = 2,   /* SIGINT came */
    ATTENTION_SLEEPING = 4, /* the loop waits, or may: whoever sets another bit must wake it */
    ATTENTION_DEBUG = 8,    /* every turn is timed, so tasks never go straight on */
    ATTENTION_DOZING = 16, /* beside SLEEPING: it waits on this word, not for the kernel's events */
    ATTENTION_INHERITED =
        32 /* it is the parent's, in a child of fork(): it returns to whoever runs it */
};

/*
 * What the C++ runtime keeps for a thread (its ABI's __cxa_eh_globals): exceptions in flight and
 * being handled.
 */
struct exceptions {
    void *caught;      /* the innermost being handled */
    unsigned uncaught; /* thrown and not caught yet */
};

struct async_loop {
    _Atomic uint32_t attention;      /* not 0: a task that stops returns to the loop's stack */
    int32_t turns_left;              /* nodes that may still run before the next look */
    int32_t steps_left;              /* of calls that need not wait: see pace.h */
    struct ready_queue ready;        /* what can run */
    struct coroutine *current;       /* the running task's; NULL: the loop's own stack runs */
    void *(*begin)(void *coroutine); /* the first function of a task: another one in debug mode */
    struct context context;          /* the loop's own stack */
    int64_t now_ns;                  /* the clock as last read */
    int64_t looked_ns;               /* when the last look was */
    int64_t trimmed_ns;              /* when idle stacks were last given back */
    bool virtual_clock;              /* time is now_ns, and jumps when nothing else is to be done */
    bool strict;          /* a look after every iteration: with the virtual clock and a shuffle */
    bool debug;           /* say more, check more */
    bool watched;         /* in debug mode or under valgrind, which want stacks laid open */
    bool foreign;         /* a foreign loop steps it */
    bool iterating;       /* an iteration is going on */
    bool wide_awake;      /* the kernel forbids to wait on a word: it waits for events only */
    bool stopping;        /* whoever drives it is to return after this iteration */
    bool interruptible;   /* SIGINT is ours */
    bool delivering;      /* requests are being delivered: see cancel.c */
    unsigned default_log; /* stacks have 2^this bytes */
    int64_t spin_ns;      /* how long it looks at the kernel before it sleeps there */
    uint64_t shuffle;     /* the random generator's state; 0: no shuffle */
    /* this thread's, if C++ is linked; they belong to whoever runs */
    struct exceptions *exceptions;
    struct heap timers;                 /* what happens later */
    struct poller poller;               /* the kernel */
    struct stack_pool stacks;           /* of its tasks */
    struct coroutine *refused;          /* the first of those a request is on its way to */
    struct coroutine **refused_place;   /* where the next one is put among them: see cancel.c */
    uint64_t number;                    /* of all loops of the process */
    uint64_t request_round;             /* number of the request being delivered */
    const struct error_message *reason; /* for it; NULL: none is known */
    uint64_t created;                   /* tasks ever: their ids */
    uint64_t ended;                     /* tasks that have */
    uint64_t futures;                   /* of those created and not ended, how many run nothing */
    uint64_t callbacks_made;            /* callbacks ever: their ids */
    struct pool tasks;                  /* their records */
    struct pool callbacks;              /* theirs */
    struct text_table texts;            /* sentences that were shown */
    struct block_pool blocks;           /* bytes on their way to and from sockets */
    struct list deferred;               /* what was put off to the end of the iteration */
    struct list guests;                 /* what has to go when the loop does */
    struct list freed;                  /* guests that the program has freed: see guest.h */
    size_t freed_count;                 /* of them */
    size_t lingering;                   /* guests for whom the end of the run waits a while */
    struct list locals;                 /* all tables of task-local values */
    struct locals *callback_locals;     /* those that the running callback sees; NULL: none */
    struct async_executor *executor;    /* the default one; NULL: not made yet */
    size_t errands;                     /* work at threads whose end has not been received */
    _Atomic uint32_t visitors; /* work at threads that may still touch the loop: see errand.c */
    last_cpu worker_seen;      /* the thread whose work came back last */
    struct spinner spinner;    /* the loop's, while it waits for such threads */
    int64_t slow_ns;           /* debug mode names turns that take as long */
    bool told_standstill;      /* debug mode has said that nothing is left that could wake a task */
    /* the last whose wait debug mode has looked at; NULL: it begins anew */
    struct async_task *checked;
    /* told of errors nobody looked at; NULL: standard error is */
    async_exception_handler *exception_handler;
    void *exception_context;          /* handed to it */
    struct async_task *main_task;     /* what SIGINT cancels; NULL: nothing */
    _Atomic uint32_t interrupts;      /* how often SIGINT came */
    _Atomic(struct message *) inbox;  /* sent by other threads, the last first */
    _Atomic(struct call *) spare;     /* a call that was received, for the next one; see inbox.c */
    struct signal_stack signal_stack; /* for handlers */
    struct sigaction sigint_before;   /* SIGINT's handler while it is ours */
    unsigned fork_generation;         /* of the process that opened it */
    bool inherited;    /* this is a child of fork(), and the loop its parent's: see fork.h */
    bool out_of_lines; /* then: its tasks wait in no line any more */
    struct async_loop *inherited_before; /* then: the next one that the thread has inherited */
    struct async_task *forked_task;      /* then: the task that forked, when it has ended */
    async_allocator memory;              /* where everything else comes from */
};

/* The calling thread's loop. Read without a function call, also in the shared library. */
extern __thread struct async_loop *asyncp_current
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * Something is made by a call and this thread has no loop: fine if async_run could make none, else
 * misuse.
 */
void asyncp_run_expect(const char *call, const char *argument, const char *where);

/* Ends the program: the call needs a task, and there is none. */
_Noreturn void asyncp_no_task(const char *call);

/* How many forks this process is from the first that asked. */
unsigned asyncp_fork_generation(void);

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
    if (unlikely(loop != NULL && loop->current == NULL))
        asyncp_check_handler(loop, call);
}

/* The loop, for a call that needs a running task. */
static inline struct async_loop *loop_enter(const char *call)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(loop == NULL || loop->current == NULL))
        asyncp_no_task(call);
    return loop;
}

/*
 * context_switch, for programs with C++: exceptions that are being handled here are here again when
 * it returns.
 */
OUT_OF_LINE void asyncp_switch_with_exceptions(struct exceptions *shared, struct context *from,
                                               struct context *to);

/* Goes on in `to`; returns when somebody goes on in `from`. */
static inline void loop_switch(const struct async_loop *loop, struct context *from,
                               struct context *to)
{
    if (unlikely(loop->exceptions != NULL))
        asyncp_switch_with_exceptions(loop->exceptions, from, to);
    else
        context_switch(from, to);
}

/*
 * task_check for what is not the plain case: a handle of another loop, one that was taken, one that
 * a group lent.
 */
OUT_OF_LINE void asyncp_task_check(const struct async_task *task, const char *call, bool taking);

/* Dies with a sentence if the handle cannot be used here; `taking` wants a reference to take. */
static inline void task_check(const struct async_task *task, const char *call, bool taking)
{
    bool in_question = (int32_t)task->references <= 0 && (taking || task_done(task));
    if (unlikely(task->loop != asyncp_current || in_question))
        asyncp_task_check(task, call, taking);
}

/* task_reserve where no reference is free, or the handle cannot be used here. */
OUT_OF_LINE void asyncp_task_reserve(struct async_task *task, const char *call);

/*
 * Before a join stops: one reference is reserved for it, to be taken in the end. If joins under way
 * have reserved all of them, there is one more, so that several may await the same handle and none
 * frees the record under another. Dies with a sentence if there is no handle to take.
 */
static inline void task_reserve(struct async_task *task, const char *call)
{
    bool is_free = (int32_t)(task->references - task->reserved) > 0; /* not with TASK_KEPT */
    if (unlikely(task->loop != asyncp_current || !is_free))
        asyncp_task_reserve(task, call);
    task->reserved++;
}

/*
 * The counterpart of task_reserve for a call that fails: it took the handle, and leaves the task to
 * itself.
 */
static inline void task_detach_reserved(struct async_task *task)
{
    task_unreserve(task);
    async_task_detach(task);
}

/*
 * The task-local values that a new task or callback begins with. While no task has any, nobody
 * looks further.
 */
static inline struct locals *locals_inherit(const struct async_loop *loop)
{
    return likely(list_empty(&loop->locals)) ? NULL : asyncp_locals_inherit(loop);
}

/* Frees the record: its task has ended, and there is no reference. */
static inline void task_free(struct async_task *task)
{
    ASSERT(task->references == 0 && task->reserved == 0 && task_done(task));
    if (unlikely(task->result < 0 || task->sentence != NULL || task->owns_name))
        asyncp_task_free_words(task);
    pool_give(&task->loop->tasks, task);
}

/* Frees the record if nobody needs it any more. */
static inline void task_release(struct async_task *task)
{
    if (task->references == 0 && task_done(task))
        task_free(task);
}

/* How many tasks have not ended. */
static inline size_t loop_alive(const struct async_loop *loop)
{
    return (size_t)(loop->created - loop->ended - loop->futures);
}

/* A fresh clock. */
static inline int64_t asyncp_now(const struct async_loop *loop)
{
    return loop->virtual_clock ? loop->now_ns : asyncp_sys_clock_now();
}

/* Makes a loop and binds it to this thread; foreign: it will be stepped. 0 or -errno. */
int asyncp_loop_open(struct async_loop **out, const async_run_options *options, bool foreign);

/* Dies unless this thread's loop is between two iterations, and was made by this process. */
void asyncp_check_outside(const struct async_loop *loop, const char *call);

/* The same for a call that closes it, which may be inherited. */
void asyncp_check_closing(const struct async_loop *loop, const char *call);

/*
 * Iterates until the task has ended, if it is not NULL, or until the loop is stopped, or was
 * inherited meanwhile.
 */
void asyncp_loop_run(struct async_loop *loop, const struct async_task *task);

/*
 * Tells the loop's exception handler, or standard error, of an error of that task's, which may be
 * NULL.
 */
void asyncp_tell(struct async_loop *loop, struct async_task *task, int code, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* Cancels what is left, waits for it, and frees the loop. */
void asyncp_loop_finish(struct async_loop *loop);

/*
 * One iteration: waits at most most_ns for something to do (negative: as long as it takes), then
 * runs it.
 */
void asyncp_iterate(struct async_loop *loop, int64_t most_ns);

/*
 * How long nothing will happen by itself: 0 if something is ready, negative if only the kernel can
 * tell.
 */
int64_t asyncp_idle_ns(const struct async_loop *loop);

enum { STEPS_IN_A_ROW = 4096 };

/* A burst is over: whether there is time for another before the next look. It is begun then. */
bool asyncp_burst_renew(struct async_loop *loop);

/* Where the thread goes on when the running task stops and loop_goes_on does not hold. */
struct context *asyncp_loop_next(struct async_loop *loop);

/* Sets what a task begins with, which depends on debug mode. */
void asyncp_set_beginning(struct async_loop *loop);

/* Whether nothing rare is due. */
static inline bool loop_is_undisturbed(const struct async_loop *loop)
{
    return loop->turns_left > 0 &&
           atomic_load_explicit(&loop->attention, memory_order_relaxed) == 0;
}

/* Whether a task that stops goes straight on to the next one. */
static inline bool loop_goes_on(const struct async_loop *loop)
{
    const struct ready *next = loop->ready.first;
    return next != NULL && next->run == NULL && loop_is_undisturbed(loop);
}

/*
 * Makes the next ready task the running one; returns where it goes on. The cache is asked for what
 * the next two switches will touch, which is what a switch among a hundred tasks waits for: the
 * frames that the next one goes on in, and the control block of the one after it. (Not a function
 * of its own: gcc drops one that only prefetches.)
 */
static inline struct context *loop_advance(struct async_loop *loop)
{
    loop->turns_left--;
    loop->current = coroutine_of_ready(ready_pop(&loop->ready));
    const struct ready *next = loop->ready.first;
    if (next != NULL && next->run == NULL) {
        const char *frames = CONTAINER_OF(next, const struct coroutine, ready)->context.sp;
        __builtin_prefetch(next->next);
        __builtin_prefetch(frames);
        __builtin_prefetch(frames + 64);
    }
    return &loop->current->context;
}

/* Leaves the running task when loop_goes_on does not hold. */
void asyncp_stop_rarely(struct async_loop *loop, struct coroutine *self);

/* Leaves the running task, which is not the next one. */
static inline void loop_stop(struct async_loop *loop, struct coroutine *self)
{
    if (likely(loop_goes_on(loop)))
        loop_switch(loop, &self->context, loop_advance(loop));
    else
        asyncp_stop_rarely(loop, self);
}

/* asyncp_park and asyncp_wake, for what happens so often that a call would show. */
static inline int loop_park(struct async_loop *loop, struct wait *wait)
{
    struct coroutine *self = loop->current;
    ASSERT(!wait->claimed && self->wait == NULL);
    wait->coroutine = self;
    wait->since_ns = loop->now_ns;
    self->wait = wait;
    loop_stop(loop, self);
    ASSERT(loop->current == self && wait->claimed);
    self->wait = NULL;
    return wait->result;
}

/* Ends the program: what a task waits for was changed by a thread that is not its loop's. */
_Noreturn void asyncp_wrong_thread(const struct wait *wait) __attribute__((cold));

/* loop_wake for a task of an inherited loop, which never runs; any other ends the program. */
void asyncp_wake_elsewhere(struct wait *wait, struct waiter *winner, int result)
    __attribute__((cold));

static inline bool wait_is_elsewhere(const struct async_loop *loop, const struct wait *wait)
{
    return ASYNC_CHECKS ? loop != wait->coroutine->task->loop : loop == NULL;
}

/*
 * Ends the program: the memory of what a task waits for is gone, was copied or was written over, so
 * its place there cannot be taken out without writing to what is not ours.
 */
_Noreturn void asyncp_memory_gone(const struct wait *wait) __attribute__((cold));

/*
 * Claims a wait that nobody has claimed: its task can go on, and is to be put in the ready queue.
 */
static inline struct ready *loop_claim(struct async_loop *loop, struct wait *wait,
                                       struct waiter *winner, int result)
{
    struct coroutine *coroutine = wait->coroutine;
    if (ASYNC_CHECKS && unlikely(wait->claimed || coroutine->wait != wait))
        asyncp_memory_gone(wait); /* the list is a copy of one that it has left */
    if (unlikely(wait_is_elsewhere(loop, wait)))
        asyncp_wrong_thread(wait);
    wait->claimed = true;
    wait->winner = winner;
    wait->result = result;
    for (struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling) {
        if (unlikely(!list_is_linked(&waiter->link)))
            asyncp_memory_gone(wait);
        list_remove(&waiter->link);
    }
    if (unlikely(wait->timer != NULL))
        asyncp_timer_clear(loop, wait->timer);
    return &coroutine->ready;
}

static inline void loop_wake(struct async_loop *loop, struct wait *wait, struct waiter *winner,
                             int result)
{
    if (unlikely(wait_is_elsewhere(loop, wait)))
        asyncp_wake_elsewhere(wait, winner, result);
    else
        ready_push(&loop->ready, loop_claim(loop, wait, winner, result));
}

/* Another thread's or a handler's reason for the loop to come to its own stack. */
void asyncp_attend(struct async_loop *loop, uint32_t reason);

/* Makes what other threads sent ready. */
void asyncp_inbox_take(struct async_loop *loop);

/* Tells what was sent and not received that the loop is closing. */
void asyncp_inbox_close(struct async_loop *loop);

/* Takes SIGINT for the loop's main task, if it is nobody's; and gives it back. */
void asyncp_sigint_take(struct async_loop *loop);
void asyncp_sigint_give_back(struct async_loop *loop);

/* In a child of fork(): SIGINT acts there as it did before the run. */
void asyncp_sigint_fork(void);

/* For asyncp_uncaught_hook: reports which task let a C++ exception out. */
void asyncp_report_uncaught(void);

#endif
