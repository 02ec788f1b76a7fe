/*
 * sched/pace.h: fairness for a task whose calls never have to wait. Each such call takes steps from
 * an allowance of the loop. When the allowance is used up, the clock is read, and if a poll is due
 * the task yields: all ready tasks and callbacks run first. The allowance is renewed at each
 * iteration and at each reading of the clock. In deterministic mode the clock does not decide: the
 * task yields whenever the allowance is used up.
 *
 * A call yields before it returns and touches its object no more. A call on a pollable descriptor
 * yields before it begins (pollable_pace), because its result may lie in the stream.
 */
#ifndef SCHED_PACE_H
#define SCHED_PACE_H

#include "sched/sched.h"

enum {
    PACE_STEP = 1,   /* memory only: a queue, a lock, an ended task */
    PACE_COPY = 4,   /* copies or searches bytes in memory: a line of a stream */
    PACE_KERNEL = 64 /* enters the kernel */
};

/* Renews the allowance; returns whether the task must yield now. */
OUT_OF_LINE bool asyncp_pace_renew(struct async_loop *loop);

/* Yields: everything ready, and everything made ready by a poll, runs once. Switches. */
void asyncp_yield(struct async_loop *loop);

/* Takes steps; returns whether the caller must yield. */
static inline bool pace_is_due(struct async_loop *loop, int32_t steps)
{
    loop->sched.steps_left -= steps;
    return unlikely(loop->sched.steps_left < 0) && asyncp_pace_renew(loop);
}

/* Takes steps, yields if it is due, and returns result. */
static inline int paced(struct async_loop *loop, int32_t steps, int result)
{
    if (pace_is_due(loop, steps))
        asyncp_yield(loop);
    return result;
}

#endif
