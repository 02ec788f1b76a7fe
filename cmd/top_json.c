/*
 * cmd/top_json.c: an interval as JSON, in the form of cmd/json.c: an array with an object for each
 * copy of libasyncio. Numbers are integers; counters are differences of the interval.
 */
#include "cmd/json.h"
#include "cmd/top.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static void print_buckets(const char *name, const struct counters *now,
                          const uint64_t now_buckets[], const uint64_t before[])
{
    printf(",\"%s\":[", name);
    for (unsigned i = 0; i < now->buckets; i++)
        printf("%s%" PRIu64, i > 0 ? "," : "", now_buckets[i] - before[i]);
    putchar(']');
}

static void print_counters(const struct top_view *view, const struct loop_look *loop)
{
    static const struct loop_look nothing;
    const struct loop_look *found = top_find_before(view, loop);
    const struct loop_look *before = found != NULL ? found : &nothing;
    const struct counters *now = &loop->counters, *then = &before->counters;
    int64_t busy_ns = top_busy_ns(view->now, loop), asleep_ns = top_asleep_ns(view->now, loop);
    if (found != NULL) {
        busy_ns -= top_busy_ns(view->before, found);
        asleep_ns -= top_asleep_ns(view->before, found);
    }
    printf(",\"busy_ns\":%" PRId64 ",\"asleep_ns\":%" PRId64 ",\"turns\":%" PRIu64
           ",\"polls\":%" PRIu64 ",\"created\":%" PRIu64 ",\"ended\":%" PRIu64
           ",\"jobs_begun\":%" PRIu64,
           busy_ns, asleep_ns, now->turns - then->turns, now->polls - then->polls,
           loop->created - before->created, loop->ended - before->ended,
           now->jobs_begun - then->jobs_begun);
    if (loop->has_times && before->has_times)
        printf(",\"processor_ns\":%" PRId64 ",\"delay_ns\":%" PRId64,
               loop->processor_ns - before->processor_ns, loop->delay_ns - before->delay_ns);
    print_buckets("hold", now, now->hold, then->hold);
    print_buckets("timer_lateness", now, now->lateness, then->lateness);
}

static int print_json_shares(const struct top_view *view, const struct loop_look *loop)
{
    size_t count;
    struct share *shares = top_sort_shares(view, loop, &count);
    if (shares == NULL)
        return -ENOMEM;
    printf(",\"shares\":[");
    for (size_t i = 0; i < count; i++) {
        printf("%s{", i > 0 ? "," : "");
        if (shares[i].kind == ACTIVITY_CALLBACK)
            printf("\"callbacks\":true,");
        if (shares[i].kind == ACTIVITY_TASK) {
            printf("\"name\":");
            json_print_text(shares[i].name);
            putchar(',');
        }
        printf("\"samples\":%" PRIu64 ",\"weight_ns\":%.0f}", shares[i].count, shares[i].weight_ns);
    }
    putchar(']');
    free(shares);
    return 0;
}

static int print_json_loop(const struct top_view *view, const struct loop_look *loop)
{
    printf("{\"number\":%" PRIu32 ",\"thread\":%" PRIu32 ",\"backend\":", loop->number,
           loop->thread);
    json_print_text(loop->backend);
    printf(",\"virtual\":%s,\"timers\":%" PRIu64 ",\"in_flight\":%" PRIu64 ",\"jobs\":%" PRIu64,
           loop->is_virtual ? "true" : "false", loop->timers, loop->in_flight, loop->jobs);
    if (top_has_counters(view, loop)) {
        printf(",\"tasks\":%" PRIu64 ",\"stack_bytes\":%" PRIu64, loop->counters.tasks,
               loop->counters.stack_bytes);
        print_counters(view, loop);
    }
    int result = print_json_shares(view, loop);
    putchar('}');
    return result;
}

static int print_copy(const struct top_view *view, size_t copy)
{
    bool is_first = true;
    int result = 0;
    printf("{\"schema\":%d,\"process\":{\"id\":%d,\"name\":", SCHEMA, (int)view->subject->id);
    json_print_text(view->subject->name);
    printf("},\"taken_ns\":%" PRId64 ",\"interval_ns\":%" PRId64 ",\"samples\":%" PRIu64
           ",\"loops\":[",
           view->now->taken_ns, view->now->taken_ns - view->before->taken_ns, view->shares->count);
    for (size_t i = 0; i < view->now->count && result == 0; i++) {
        if (view->now->loops[i].copy != copy)
            continue;
        if (!is_first)
            putchar(',');
        is_first = false;
        result = print_json_loop(view, &view->now->loops[i]);
    }
    printf("],\"left_out\":%zu}", view->now->left_out);
    return result;
}

int top_print_json(const struct top_view *view)
{
    int result = 0;
    putchar('[');
    for (size_t copy = 0; copy < view->subject->copy_count && result == 0; copy++) {
        if (copy > 0)
            putchar(',');
        result = print_copy(view, copy);
    }
    puts("]");
    return result;
}
