/*
 * sched/metrics.h: the counters of a loop, which are always on. They change where the loop
 * polls, and where a timer fires; turns are counted by the scheduler when a burst begins. Nothing
 * is counted where tasks switch.
 *
 * Only the thread of the loop writes here. Other threads and processes read copies: see
 * loop/metrics.h and inspect/counters.h.
 */
#ifndef SCHED_METRICS_H
#define SCHED_METRICS_H

#include <asyncio/metrics.h>
#include <stdatomic.h>

/* Durations, as async_histogram. */
struct histogram {
    uint64_t counts[ASYNC_HISTOGRAM_BUCKETS];
    int64_t sum_ns;
    int64_t max_ns;
};

enum loop_phase {
    PHASE_OUTSIDE, /* in code of the program that runs the loop: between two runs, or two steps */
    PHASE_BUSY,
    PHASE_ASLEEP /* in a wait for events */
};

struct metrics {
    _Atomic uint32_t version; /* odd while the phase is changed */
    uint32_t phase;           /* enum loop_phase */
    int64_t since_ns;         /* the begin of the phase */
    int64_t asleep_ns;        /* of all waits that have ended */
    uint64_t polls;
    struct histogram hold;     /* from a poll to the next one: its sum is the time in PHASE_BUSY */
    struct histogram lateness; /* of timers */
};

struct async_loop;

/* The loop begins to wait for events. */
void asyncp_metrics_sleep(struct async_loop *loop, int64_t now_ns);

/* The end of a poll, whether it has waited or not. */
void asyncp_metrics_poll(struct async_loop *loop, int64_t now_ns);

/* The loop returns to the program. */
void asyncp_metrics_leave(struct async_loop *loop);

/* A timer fires so many nanoseconds after its deadline. */
void asyncp_metrics_fire(struct async_loop *loop, int64_t late_ns);

#endif
