/*
 * sched/deadlock.h: a loop whose tasks all wait, and in which nothing is left that could wake one.
 * What is known about it is kept here; loop/deadlock.c decides.
 */
#ifndef SCHED_DEADLOCK_H
#define SCHED_DEADLOCK_H

#include <asyncio/run.h>
#include <stdbool.h>

enum deadlock_kind {
    DEADLOCK_NONE,
    DEADLOCK_LIKELY, /* another thread may know the loop */
    DEADLOCK_CERTAIN,
    DEADLOCK_OF_TEST /* certain; libasyncio-test has found it, and has printed it */
};

struct deadlock {
    async_deadlock_action action;
    bool is_known_outside; /* the program has a pointer to the loop: other threads may wake tasks */
    bool is_shared;        /* when the kernel was asked last, the process had other threads */
    bool is_settled;       /* it was asked after a second in which nothing has run */
    bool was_reported, was_certain;
    int64_t asked_ns;   /* by the real clock */
    int64_t idle_ns;    /* when nothing was left to do for the first time */
    uint64_t turns;     /* loop_turns() then: another number means that something has run since */
    bool has_cancelled; /* the main task of this run was cancelled for it */
};

struct async_loop;

/* Reads the option, and the environment variable ASYNCIO_DEADLOCK. */
void asyncp_deadlock_open(struct async_loop *loop, async_deadlock_action action);

/*
 * For a loop that is about to wait without a limit, and has no timer, no operation in flight and no
 * job on another thread. DEADLOCK_LIKELY only once, and in debug mode. Waits for threads that are
 * about to release the loop.
 */
enum deadlock_kind asyncp_deadlock_kind(struct async_loop *loop);

/*
 * After asyncp_deadlock_kind: nanoseconds until the kernel must be asked again for other threads. 0
 * or less: it need not be asked.
 */
int64_t asyncp_deadlock_until_next_look(const struct async_loop *loop);

/* Reports it, and adds it to the traces. On the loop's stack. */
void asyncp_deadlock_report(struct async_loop *loop, enum deadlock_kind kind);

/* Reports it once, and acts as the run's option says. Whether something is ready by now. */
bool asyncp_deadlock_handle(struct async_loop *loop, enum deadlock_kind kind);

/* Whether the main task of this run was cancelled because of a deadlock. A run begins without. */
bool asyncp_deadlock_take(struct async_loop *loop);

#endif
