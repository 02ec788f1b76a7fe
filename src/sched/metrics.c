/* sched/metrics.c: the phases of a loop, and its histograms. */
#include "sched/metrics.h"
#include "sched/sched.h"

enum { NS_PER_US = 1000 };

static unsigned find_bucket(int64_t ns)
{
    uint64_t longer = ns > 0 ? (uint64_t)(ns - 1) / NS_PER_US : 0;
    unsigned bucket = longer == 0 ? 0 : 64 - (unsigned)__builtin_clzll(longer);
    return bucket < ASYNC_HISTOGRAM_BUCKETS ? bucket : ASYNC_HISTOGRAM_BUCKETS - 1;
}

static void histogram_add(struct histogram *histogram, int64_t ns)
{
    histogram->counts[find_bucket(ns)]++;
    histogram->sum_ns += ns;
    if (histogram->max_ns < ns)
        histogram->max_ns = ns;
}

static void begin_phase(struct metrics *metrics, enum loop_phase phase, int64_t now_ns)
{
    int64_t took_ns = now_ns - metrics->since_ns;
    uint32_t version = atomic_load_explicit(&metrics->version, memory_order_relaxed);
    atomic_store_explicit(&metrics->version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    if (metrics->phase == PHASE_BUSY)
        histogram_add(&metrics->hold, took_ns);
    else if (metrics->phase == PHASE_ASLEEP)
        metrics->asleep_ns += took_ns;
    metrics->phase = phase;
    metrics->since_ns = now_ns;
    atomic_store_explicit(&metrics->version, version + 2, memory_order_release);
}

void asyncp_metrics_sleep(struct async_loop *loop, int64_t now_ns)
{
    begin_phase(&loop->metrics, PHASE_ASLEEP, now_ns);
}

void asyncp_metrics_poll(struct async_loop *loop, int64_t now_ns)
{
    loop->metrics.polls++;
    begin_phase(&loop->metrics, PHASE_BUSY, now_ns);
}

void asyncp_metrics_leave(struct async_loop *loop)
{
    begin_phase(&loop->metrics, PHASE_OUTSIDE, asyncp_now(loop));
}

void asyncp_metrics_fire(struct async_loop *loop, int64_t late_ns)
{
    histogram_add(&loop->metrics.lateness, late_ns);
}
