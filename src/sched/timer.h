/*
 * sched/timer.h: timers, and the conversion of seconds to nanoseconds. Timers with the same
 * deadline fire in the order in which they were set.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;

struct timer {
    void (*expire)(struct timer *timer); /* on the loop's stack, after the timer was cleared */
    uint32_t slot;                       /* in the heap, while it is set */
    bool set;
};

#define TIME_NEVER INT64_MAX

static inline void timer_init(struct timer *timer, void (*expire)(struct timer *timer))
{
    timer->expire = expire;
    timer->set = false;
}

/* Sets a cleared timer. 0 or -ENOMEM. */
int asyncp_timer_set(struct async_loop *loop, struct timer *timer, int64_t when_ns);

/* Clears a timer. No effect if it is not set. */
void asyncp_timer_clear(struct async_loop *loop, struct timer *timer);

/*
 * Opens the clock. A virtual clock starts at 0 and is advanced by the loop. deterministic: the loop
 * polls after every burst.
 */
void asyncp_clock_open(struct async_loop *loop, bool is_virtual, bool deterministic);
void asyncp_clock_close(struct async_loop *loop);

/* The number of set timers. */
unsigned asyncp_timer_count(const struct async_loop *loop);

/* Fires the timers due at now_ns, before this poll is noted as the last one. */
void asyncp_timers_expire(struct async_loop *loop, int64_t now_ns);

/* Converts to nanoseconds, rounded up; TIME_NEVER beyond 292 years. seconds must not be NaN. */
int64_t asyncp_nanoseconds(double seconds);

/*
 * The deadline `seconds` after now, by a fresh reading of the clock; now if seconds is negative.
 */
int64_t asyncp_deadline(const struct async_loop *loop, double seconds);

#endif
