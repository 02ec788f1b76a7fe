/*
 * sched/timer.h: something that happens at a time, and the conversion of the user's seconds. Timers
 * that are due at the same time fire in the order they were set.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;

struct timer {
    void (*expire)(
        struct timer *timer); /* called on the loop's stack, once, the timer being clear */
    uint32_t slot;            /* in the loop's heap, while it is set */
    bool set;                 /* it will fire */
};

#define TIME_NEVER INT64_MAX

static inline void timer_init(struct timer *timer, void (*expire)(struct timer *timer))
{
    timer->expire = expire;
    timer->set = false;
}

/* Sets a clear timer. 0 or -ENOMEM. */
int asyncp_timer_set(struct async_loop *loop, struct timer *timer, int64_t when_ns);

/* Clears a timer; one that is clear stays so. */
void asyncp_timer_clear(struct async_loop *loop, struct timer *timer);

/*
 * A virtual clock starts at 0 and is advanced by the loop. deterministic: the loop polls after each
 * iteration.
 */
void asyncp_clock_open(struct async_loop *loop, bool is_virtual, bool deterministic);
void asyncp_clock_close(struct async_loop *loop);

/* How many timers are set. */
unsigned asyncp_timer_count(const struct async_loop *loop);

/* Fires what is due at now_ns. */
void asyncp_timers_expire(struct async_loop *loop, int64_t now_ns);

/* Seconds as nanoseconds, rounded up; beyond 292 years TIME_NEVER. seconds is a number. */
int64_t asyncp_nanoseconds(double seconds);

/* The time that many seconds from now by a fresh clock; not before now. */
int64_t asyncp_deadline(const struct async_loop *loop, double seconds);

#endif
