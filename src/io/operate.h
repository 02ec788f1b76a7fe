/*
 * io/operate.h: an operation of the kernel as a call that waits.
 */
#ifndef IO_OPERATE_H
#define IO_OPERATE_H

#include "core/loop.h"

/* How many calls in a row may have what they want at once before the others get their turn. */
enum { CALLS_IN_A_ROW = 64 };

/* One turn of the loop, and a look at clock and descriptors if one is due. */
void async__io_rest(struct async_loop *loop);

/* Whether this call is one too many in a row. The task has switched, for sure, if other turns are left than before. */
static inline bool io_rest_is_due(struct async_loop *loop)
{
    if (loop->paced_turns != loop->turns_left) {
        loop->paced_turns = loop->turns_left;
        loop->paced_calls = 0;
    }
    return ++loop->paced_calls > CALLS_IN_A_ROW;
}

/*
 * For calls of the kernel that mostly need not wait, before or after each: a task that makes nothing but these must not
 * hold the loop. While it rests, others may close what it works on.
 */
static inline void io_pace(struct async_loop *loop)
{
    if (unlikely(io_rest_is_due(loop)))
        async__io_rest(loop);
}

/*
 * Submits the operation and waits for its completion. A request to cancel is passed on to the kernel, and its answer
 * is waited for: the buffer, which may be on the caller's stack, is free again when this returns.
 */
int async__operate(struct async_loop *loop, struct operation operation, const char *call);

#endif
