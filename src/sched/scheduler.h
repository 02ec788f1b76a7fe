/*
 * sched/scheduler.h: the running task and the next ones. A stopping task switches directly to the
 * next ready task. It switches to the loop itself, on its own stack, only if something rare is due:
 * a poll, a callback, a pending event, or nothing is ready. The attention word holds the flags of
 * pending events.
 */
#ifndef SCHED_SCHEDULER_H
#define SCHED_SCHEDULER_H

#include "sched/order.h"
#include "sched/ready.h"
#include "stack/context.h"
#include <stdatomic.h>

struct coroutine;

/* Flags of the attention word. */
enum {
    ATTENTION_INBOX = 1, /* the inbox is not empty */
    ATTENTION_SIGNAL = 2,
    ATTENTION_SLEEPING = 4,   /* the loop sleeps or is about to: setting a flag must wake it */
    ATTENTION_DEBUG = 8,      /* each turn is timed, so tasks never switch directly */
    ATTENTION_FUTEX = 16,     /* with SLEEPING: in a futex wait on this word, not in the poller */
    ATTENTION_INHERITED = 32, /* the loop is inherited, in a child of fork() */
    ATTENTION_TRACE = 64,     /* each stop is recorded: see tracer.h */
    ATTENTION_WATCHED = ATTENTION_DEBUG | ATTENTION_TRACE /* modes; all others are events */
};

/* The per-thread state of the C++ runtime (__cxa_eh_globals of its ABI). */
struct exceptions {
    void *caught; /* stack of handled exceptions */
    unsigned uncaught;
};

/* Every switch touches the first members. */
struct scheduler {
    /* flags of pending events; not 0: a stopping task switches to the loop */
    _Atomic uint32_t attention;
    int32_t turns_left; /* nodes that may run in this burst */
    int32_t steps_left; /* allowance of calls without a wait: see pace.h */
    struct ready_queue ready;
    struct coroutine *current;       /* NULL: the loop itself runs */
    void *(*begin)(void *coroutine); /* the first function of new tasks */
    struct context context;          /* of the loop itself */
    struct exceptions *exceptions;   /* of this thread; NULL: C++ is not linked */
    uint64_t turns;                  /* before this burst */
    int32_t burst;                   /* turns_left when it began */
    bool iterating;
    bool stopping; /* async_loop_stop was called */
    bool hosted;   /* a host loop steps this one */
    struct turn_order order;
};

struct async_loop;

/* hosted: a host loop steps this one. */
void asyncp_scheduler_open(struct async_loop *loop, const struct turn_order *order, bool hosted);

#endif
