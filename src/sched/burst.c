/*
 * sched/burst.c: how long tasks run before the loop polls again. A burst is 32 turns; after it the
 * clock is read, and a poll is due 50 µs after the last one. In deterministic mode a burst is what
 * was ready when it began, as in CPython, and each burst ends in a poll.
 */
#include "sched/pace.h"

enum { POLL_INTERVAL_NS = 50000 };

bool asyncp_burst_renew(struct async_loop *loop)
{
    const uint32_t rare = ~(uint32_t)ATTENTION_DEBUG;
    if (loop->strict || loop->turns_left > 0)
        return false;
    loop->now_ns = asyncp_now(loop);
    if (loop->now_ns - loop->looked_ns >= POLL_INTERVAL_NS ||
        (atomic_load_explicit(&loop->attention, memory_order_relaxed) & rare) != 0)
        return false;
    loop->turns_left = BURST_TURNS;
    loop->steps_left = STEPS_IN_A_ROW;
    return true;
}

bool asyncp_pace_look(struct async_loop *loop)
{
    loop->steps_left = STEPS_IN_A_ROW;
    return loop->strict || asyncp_now(loop) - loop->looked_ns >= POLL_INTERVAL_NS;
}
