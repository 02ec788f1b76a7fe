/*
 * sched/burst.c: how long tasks run between two polls. After a burst of 32 turns the clock is read;
 * if the last poll was less than 50 µs ago, another burst begins. In deterministic mode a burst
 * runs everything ready at the beginning of the iteration, as in CPython, and ends in a poll.
 */
#include "sched/pace.h"

enum { POLL_INTERVAL_NS = 50000 };

bool asyncp_burst_renew(struct async_loop *loop)
{
    const uint32_t events = ~(uint32_t)ATTENTION_WATCHED;
    ASSERT(loop->sched.turns_left <= 0);
    if (loop->clock.deterministic)
        return false;
    loop->clock.now_ns = asyncp_now(loop);
    if (loop->clock.now_ns - loop->clock.polled_ns >= POLL_INTERVAL_NS ||
        (atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) & events) != 0)
        return false;
    loop_begin_burst(loop, BURST_TURNS);
    loop->sched.steps_left = STEPS_IN_A_ROW;
    return true;
}

bool asyncp_pace_renew(struct async_loop *loop)
{
    loop->sched.steps_left = STEPS_IN_A_ROW;
    return loop->clock.deterministic ||
           asyncp_now(loop) - loop->clock.polled_ns >= POLL_INTERVAL_NS;
}

/* Defined by the C++ runtime; NULL if it is not linked. */
extern struct exceptions *__cxa_get_globals(void) __attribute__((weak));

void asyncp_scheduler_open(struct async_loop *loop, const struct turn_order *order, bool hosted)
{
    loop->sched.order = *order;
    loop->sched.hosted = hosted;
    loop->sched.exceptions = __cxa_get_globals != NULL ? __cxa_get_globals() : NULL;
}
