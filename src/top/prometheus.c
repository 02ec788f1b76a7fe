/*
 * top/prometheus.c: metrics in the text format of Prometheus, version 0.0.4. All lines of a metric
 * stand together, so each is written for all loops. Numbers are formatted as integers: printf of a
 * double needs more stack than a small task has, and writes the decimal point of the locale.
 */
#include "top/metrics.h"
#include "sys/clock.h"
#include <stdarg.h>
#include <stdio.h>

/* The text, which may be cut. */
struct exposition {
    char *text;
    size_t size, length;
    const async_metrics *loops;
    size_t count;
};

static void write_text(struct exposition *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void write_text(struct exposition *out, const char *format, ...)
{
    bool fits = out->length < out->size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(fits ? out->text + out->length : NULL,
                           fits ? out->size - out->length : 0, format, arguments);
    va_end(arguments);
    out->length += length > 0 ? (size_t)length : 0;
}

static void write_head(struct exposition *out, const char *name, const char *type, const char *help)
{
    write_text(out, "# HELP asyncio_%s %s\n# TYPE asyncio_%s %s\n", name, help, name, type);
}

/* "12.000345678" */
static void write_seconds(struct exposition *out, double seconds)
{
    unsigned long long whole = seconds > 0 ? (unsigned long long)seconds : 0;
    unsigned long ns = seconds > 0 ? (unsigned long)((seconds - (double)whole) * NS_PER_SECOND) : 0;
    write_text(out, "%llu.%09lu\n", whole, ns);
}

/* A metric that is a member of async_metrics. */
struct number_metric {
    const char *name, *help;
    size_t offset;
    bool is_counter;
};

#define NUMBER(name, member, is_counter, help)                                                     \
    {                                                                                              \
        name, help, offsetof(async_metrics, member), is_counter                                    \
    }

static const struct number_metric integers[] = {
    NUMBER("tasks", tasks, false, "Tasks that have not ended."),
    NUMBER("created_total", created, true, "Tasks and futures created."),
    NUMBER("ended_total", ended, true, "Tasks and futures ended."),
    NUMBER("timers", timers, false, "Timers set."),
    NUMBER("operations_in_flight", operations, false, "Operations that wait for the kernel."),
    NUMBER("worker_queue", jobs, false, "Jobs given to other threads and not finished."),
    NUMBER("jobs_total", jobs_begun, true, "Jobs given to other threads."),
    NUMBER("stacks_idle", stacks_idle, false, "Stacks kept for new tasks."),
    NUMBER("stack_bytes", stack_bytes, false, "Address space of stacks."),
    NUMBER("turns_total", turns, true, "Runs of a task or a callback."),
    NUMBER("polls_total", polls, true, "Looks for events."),
};

static const struct number_metric durations[] = {
    NUMBER("busy_seconds_total", busy, true, "Time in which the loop ran."),
    NUMBER("asleep_seconds_total", asleep, true, "Time in which the loop waited for events."),
};

static const struct number_metric histograms[] = {
    NUMBER("hold_seconds", hold, false, "Time from one poll to the next one."),
    NUMBER("timer_lateness_seconds", timer_lateness, false,
           "Time from the deadline of a timer to its expiry."),
};

static const void *member_of(const async_metrics *loop, const struct number_metric *metric)
{
    return (const char *)loop + metric->offset;
}

static void write_integer(struct exposition *out, const struct number_metric *metric)
{
    write_head(out, metric->name, metric->is_counter ? "counter" : "gauge", metric->help);
    for (size_t i = 0; i < out->count; i++) {
        const uint64_t *value = member_of(&out->loops[i], metric);
        write_text(out, "asyncio_%s{loop=\"%llu\"} %llu\n", metric->name,
                   (unsigned long long)out->loops[i].loop, (unsigned long long)*value);
    }
}

static void write_duration(struct exposition *out, const struct number_metric *metric)
{
    write_head(out, metric->name, "counter", metric->help);
    for (size_t i = 0; i < out->count; i++) {
        const double *value = member_of(&out->loops[i], metric);
        write_text(out, "asyncio_%s{loop=\"%llu\"} ", metric->name,
                   (unsigned long long)out->loops[i].loop);
        write_seconds(out, *value);
    }
}

/* The lines of one loop. Buckets of Prometheus count all durations up to their bound. */
static void write_buckets(struct exposition *out, const char *name, unsigned long long loop,
                          const async_histogram *histogram)
{
    enum { US_PER_SECOND = 1000000, LAST = ASYNC_HISTOGRAM_BUCKETS - 1 };
    unsigned long long count = 0;
    for (int i = 0; i < LAST; i++) {
        unsigned long bound_us = 1ul << i;
        count += histogram->counts[i];
        write_text(out, "asyncio_%s_bucket{loop=\"%llu\",le=\"%lu.%06lu\"} %llu\n", name, loop,
                   bound_us / US_PER_SECOND, bound_us % US_PER_SECOND, count);
    }
    count += histogram->counts[LAST];
    write_text(out, "asyncio_%s_bucket{loop=\"%llu\",le=\"+Inf\"} %llu\n", name, loop, count);
    write_text(out, "asyncio_%s_sum{loop=\"%llu\"} ", name, loop);
    write_seconds(out, histogram->sum);
    write_text(out, "asyncio_%s_count{loop=\"%llu\"} %llu\n", name, loop, count);
}

static void write_histogram(struct exposition *out, const struct number_metric *metric)
{
    write_head(out, metric->name, "histogram", metric->help);
    for (size_t i = 0; i < out->count; i++)
        write_buckets(out, metric->name, out->loops[i].loop, member_of(&out->loops[i], metric));
}

size_t asyncp_metrics_format(char *text, size_t size, const async_metrics loops[], size_t count)
{
    struct exposition out = {.text = text, .size = size, .loops = loops, .count = count};
    if (size > 0)
        *text = 0;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        write_integer(&out, &integers[i]);
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        write_duration(&out, &durations[i]);
    for (size_t i = 0; i < sizeof histograms / sizeof *histograms; i++)
        write_histogram(&out, &histograms[i]);
    return out.length;
}
