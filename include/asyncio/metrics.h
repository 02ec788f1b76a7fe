/*
 * asyncio/metrics.h: what a loop counts about itself.
 *
 *     async_metrics metrics;
 *     ASYNC_TRY(async_metrics_get(&metrics));
 *     printf("%.1f s busy, longest hold %.3f s\n", metrics.busy, metrics.hold.max);
 *
 * The counters are always on: they change where the loop polls the kernel, not where tasks switch.
 * `asyncio top PID` shows those of a running program.
 *
 * For Prometheus, async_metrics_text writes them in its text format. A program answers a request
 * for /metrics with this text, or writes it with async_metrics_print to a file for the textfile
 * collector of node_exporter.
 */
#ifndef ASYNCIO_METRICS_H
#define ASYNCIO_METRICS_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * ASYNC_HISTOGRAM_BUCKETS
 *
 * The number of buckets of a histogram.
 */
#define ASYNC_HISTOGRAM_BUCKETS 26

/* Durations since the loop was opened. */
typedef struct async_histogram {
    /*
     * counts[i]: durations of at most 2^i microseconds that are not in counts[i - 1]; the last one:
     * of more than 16.777216 seconds
     */
    uint64_t counts[ASYNC_HISTOGRAM_BUCKETS];
    double sum; /* seconds */
    double max; /* the longest one, in seconds */
} async_histogram;

/* The state and the counters of a loop. Counters begin at 0 when the loop is opened. */
typedef struct async_metrics {
    uint64_t loop;        /* the loop's number, unique in the process */
    uint64_t tasks;       /* that have not ended; each has a stack */
    uint64_t created;     /* counter: tasks and futures created */
    uint64_t ended;       /* counter: tasks and futures ended */
    uint64_t timers;      /* set now: of sleeps, time limits and delayed callbacks */
    uint64_t operations;  /* that wait for the kernel: for descriptors and on them */
    uint64_t jobs;        /* given to other threads and not finished: async_to_thread, names */
    uint64_t jobs_begun;  /* counter: jobs given to other threads */
    uint64_t stacks_idle; /* stacks kept for new tasks */
    uint64_t
        stack_bytes; /* address space of all stacks; pages that were never used take no memory */
    uint64_t turns;  /* counter: how often a task or a callback has run */
    uint64_t polls;  /* counter: how often the loop has looked for events */
    double busy;     /* counter: seconds in which the loop ran tasks, callbacks and itself */
    double asleep;   /* counter: seconds in which the loop waited for events */
    /*
     * The time from one poll to the next one. Meanwhile no event, timer or signal is noticed. One
     * task that holds the loop shows here, and so do many that are short.
     */
    async_histogram hold;
    /* The time from the deadline of a timer, or the poll before it was set, to its expiry. */
    async_histogram timer_lateness;
    ASYNCP_RESERVED(16);
} async_metrics;

/*
 * Gets the state and the counters of the calling thread's loop.
 *
 * Returns 0; -ENXIO if this thread has no loop.
 * Never switches.
 */
ASYNC_API int async_metrics_get(async_metrics *metrics);

/*
 * Copies the metrics of all loops of the process to text[0..size), in Prometheus' text format.
 *
 * Any thread may call it. Each loop has the label loop="NUMBER". The last 32 turns of a loop that
 * runs now may be missing. The copy ends with a zero byte, unless size is 0. 8 KiB are enough for
 * one loop. A text that was cut is not valid for Prometheus.
 *
 * Returns the length of the whole text, as snprintf does; -ENOMEM.
 * Never switches.
 */
ASYNC_API int async_metrics_text(char *text, size_t size);

/*
 * Writes the text of async_metrics_text to a descriptor. The thread waits until it is written.
 *
 * Any thread may call it.
 *
 * Returns 0; -ENOMEM; -EBADF, -ENOSPC or another error of write(2) if not all could be written.
 * Never switches.
 */
ASYNC_API int async_metrics_print(int fd);

ASYNC_END_C
#endif
