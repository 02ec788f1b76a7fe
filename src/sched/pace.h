/*
 * sched/pace.h: how long a task may go on with calls that need not wait. Each of them takes steps
 * from the loop's allowance. When that is used up the clock is read, and if a look at clock and
 * descriptors is due, the task gives way: everything that is ready has its turn first. The
 * allowance begins anew with each iteration and each reading of the clock. Where time does not pass
 * while tasks run (the virtual clock, a shuffle), the allowance itself is the limit.
 *
 * A call that holds nothing of its object gives way before it returns, and touches nothing
 * afterwards; one that works on a pollable gives way before it begins (pollable_pace), because what
 * it returns may lie in the stream.
 */
#ifndef SCHED_PACE_H
#define SCHED_PACE_H

#include "sched/sched.h"

enum {
    PACE_STEP = 1,   /* a call that touches memory only: a queue, a lock, a task that has ended */
    PACE_COPY = 4,   /* a call that copies or searches bytes which are there: a line of a stream */
    PACE_KERNEL = 64 /* a call that enters the kernel */
};

/* The allowance is used up: gives a new one, and returns whether the task is to give way now. */
OUT_OF_LINE bool asyncp_pace_look(struct async_loop *loop);

/* Lets everything that is ready, and what a look finds, run once. Switches. */
void asyncp_give_way(struct async_loop *loop);

/* Takes steps; whether the caller is to give way. */
static inline bool pace_is_due(struct async_loop *loop, int32_t steps)
{
    loop->sched.steps_left -= steps;
    return unlikely(loop->sched.steps_left < 0) && asyncp_pace_look(loop);
}

/* Takes steps and gives way if it is time. Returns the result that it is given. */
static inline int paced(struct async_loop *loop, int32_t steps, int result)
{
    if (pace_is_due(loop, steps))
        asyncp_give_way(loop);
    return result;
}

#endif
