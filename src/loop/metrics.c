/*
 * loop/metrics.c: reads the counters of a loop, also while it runs on another thread. Its memory is
 * copied word by word, until no phase has begun during a copy. Turns are taken as they were when
 * the burst began. So a counter never goes back.
 */
#include "loop/metrics.h"
#include "loop/loops.h"
#include "sched/sched.h"
#include "sys/thread.h"

enum { MAX_COPIES = 1000 };

static double seconds_of(int64_t ns)
{
    return (double)ns / 1e9;
}

static async_histogram export_histogram(const struct histogram *histogram)
{
    async_histogram result = {.sum = seconds_of(histogram->sum_ns),
                              .max = seconds_of(histogram->max_ns)};
    memcpy(result.counts, histogram->counts, sizeof result.counts);
    return result;
}

/* The part of the present phase until now. Another clock, of a time namespace, gives none. */
static int64_t elapsed_ns(const struct metrics *metrics, enum loop_phase phase, int64_t now_ns)
{
    return metrics->phase == phase && now_ns > metrics->since_ns ? now_ns - metrics->since_ns : 0;
}

/*
 * now_ns: not later than the copy of the loop. Else a phase that has ended since the copy would be
 * counted for too long, and its counter would be less when it is read again.
 * turns: so many have begun. Follows no pointer of the loop: it may be a copy.
 */
static void export(async_metrics *result, const struct async_loop *loop, int64_t now_ns,
                   uint64_t turns)
{
    const struct metrics *metrics = &loop->metrics;
    const struct stack_pool *stacks = &loop->tasks.stacks;
    size_t alive = loop_alive(loop);
    *result = (async_metrics){
        .loop = asyncp_loop_number(loop),
        .tasks = alive,
        .created = loop->tasks.created,
        .ended = loop->tasks.ended,
        .timers = asyncp_timer_count(loop),
        .operations = loop->poller.in_flight,
        .jobs = loop_jobs(loop),
        .jobs_begun = loop_jobs_begun(loop),
        .stacks_idle = stacks->cut > alive ? stacks->cut - alive : 0,
        .stack_bytes = stacks->mapped_bytes,
        .turns = turns,
        .polls = metrics->polls,
        .asleep = seconds_of(metrics->asleep_ns + elapsed_ns(metrics, PHASE_ASLEEP, now_ns)),
        .busy = seconds_of(metrics->hold.sum_ns + elapsed_ns(metrics, PHASE_BUSY, now_ns)),
        .hold = export_histogram(&metrics->hold),
        .timer_lateness = export_histogram(&metrics->lateness)};
}

void asyncp_metrics_read(async_metrics *metrics, const struct async_loop *loop)
{
    export(metrics, loop, asyncp_now(loop), loop_turns(loop));
}

typedef uintptr_t ASYNCP_ALIASES word;

/* Its thread may be writing the words: volatile, so that each one is loaded once and whole. */
OUT_OF_LINE TOOLS_NO_TSAN static void copy_words(void *copy, const void *original, size_t size)
{
    word *to = copy;
    const volatile word *from = original;
    for (size_t i = 0; i < size / sizeof *to; i++)
        to[i] = from[i];
}

bool asyncp_metrics_copy(async_metrics *metrics, const struct async_loop *loop,
                         struct async_loop *scratch)
{
    const _Atomic uint32_t *version = &loop->metrics.version;
    _Static_assert(sizeof *loop % sizeof(uintptr_t) == 0, "it is copied word by word");
    for (int i = 0; i < MAX_COPIES; i++) {
        uint32_t before = atomic_load_explicit(version, memory_order_acquire);
        int64_t now_ns = asyncp_sys_clock_now();
        copy_words(scratch, loop, sizeof *loop);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load_explicit(version, memory_order_relaxed) == before) {
            export(metrics, scratch, scratch->clock.is_virtual ? loop_time(scratch) : now_ns,
                   scratch->sched.turns);
            return true;
        }
        asyncp_sys_yield();
    }
    return false;
}
