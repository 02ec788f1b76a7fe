/*
 * sched/scheduler.h: what runs and what runs next. A task that stops goes straight on to the next
 * ready one; the loop's own stack is returned to only when something rare is due: a poll, a
 * callback, a message, nothing ready. The attention word gathers those reasons.
 */
#ifndef SCHED_SCHEDULER_H
#define SCHED_SCHEDULER_H

#include "sched/ready.h"
#include "stack/context.h"
#include <stdatomic.h>

struct coroutine;

/* Bits of the attention word. */
enum {
    ATTENTION_INBOX = 1,     /* another thread has sent something */
    ATTENTION_SIGNAL = 2,    /* SIGINT came */
    ATTENTION_SLEEPING = 4,  /* the loop sleeps, or is about to: setting another bit must wake it */
    ATTENTION_DEBUG = 8,     /* every turn is timed, so tasks never go straight on */
    ATTENTION_DOZING = 16,   /* with SLEEPING: it sleeps on this word (futex), not in the poller */
    ATTENTION_INHERITED = 32 /* a child of fork() has its parent's loop: see fork.h */
};

/* What the C++ runtime keeps per thread (its ABI's __cxa_eh_globals). */
struct exceptions {
    void *caught;      /* the innermost that is being handled */
    unsigned uncaught; /* thrown and not caught yet */
};

/* The first members are what every switch touches. */
struct scheduler {
    _Atomic uint32_t attention;      /* not 0: a task that stops returns to the loop's stack */
    int32_t turns_left;              /* nodes that may run before the next poll */
    int32_t steps_left;              /* of calls that need not wait: see pace.h */
    struct ready_queue ready;        /* what can run */
    struct coroutine *current;       /* the running task's; NULL: the loop's own stack runs */
    void *(*begin)(void *coroutine); /* the first function of a task; another one in debug mode */
    struct context context;          /* the loop's own stack */
    struct exceptions *exceptions;   /* this thread's; NULL: C++ is not linked */
    uint64_t shuffle;                /* state of the random generator; 0: no shuffle */
    bool iterating;                  /* an iteration is going on */
    bool stopping;                   /* async_loop_stop was called */
    bool hosted;                     /* a host loop steps this one */
};

struct async_loop;

/* shuffle: the seed of a random order; 0: none. hosted: a host loop steps this one. */
void asyncp_scheduler_open(struct async_loop *loop, uint64_t shuffle, bool hosted);

#endif
