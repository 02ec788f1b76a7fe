/* cmd/top_table.c: the table of `asyncio top`. */
#include "show/words.h"
#include "cmd/top.h"
#include <asyncio/base.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers -------------------------------------------------------------------------------- */

static double percent(int64_t part_ns, int64_t whole_ns)
{
    double share = whole_ns > 0 ? (double)part_ns * 100 / (double)whole_ns : 0;
    return share < 0 ? 0 : share > 100 ? 100 : share;
}

static double rate(uint64_t now, uint64_t before, int64_t ns)
{
    return ns > 0 && now > before ? (double)(now - before) * 1e9 / (double)ns : 0;
}

/* A part of samples, with what 95 of 100 true values are nearer to (Agresti, Coull). */
struct estimate {
    double share, error; /* of 1 */
};

static struct estimate estimate_share(double part, double samples)
{
    const double z = 1.96, more = z * z;
    double all = samples + more, middle = (part + more / 2) / all;
    return (struct estimate){.share = samples > 0 ? part / samples : 0,
                             .error = z * sqrt(middle * (1 - middle) / all)};
}

/* The bound of a bucket: "64 us"; of the last one "more than 16.8 s". */
static void show_bound(char *shown, size_t size, unsigned bucket, unsigned buckets)
{
    bool is_last = bucket + 1 >= buckets;
    double us = ldexp(1, (int)bucket - is_last);
    const char *before = is_last ? "more than " : "";
    if (us < 1000)
        snprintf(shown, size, "%s%.0f us", before, us);
    else if (us < 1e6)
        snprintf(shown, size, "%s%.*f ms", before, us < 1e5, us / 1e3);
    else
        snprintf(shown, size, "%s%.1f s", before, us / 1e6);
}

/* The first bucket up to which `part` of all durations lie; `buckets`: nothing was counted. */
static unsigned find_quantile(const uint64_t now[], const uint64_t before[], unsigned buckets,
                              double part)
{
    uint64_t all = 0, seen = 0;
    for (unsigned i = 0; i < buckets; i++)
        all += now[i] - (before != NULL ? before[i] : 0);
    for (unsigned i = 0; i < buckets && all > 0; i++) {
        seen += now[i] - (before != NULL ? before[i] : 0);
        if ((double)seen >= part * (double)all)
            return i;
    }
    return buckets;
}

/* ---- a loop --------------------------------------------------------------------------------- */

/* Two looks at a loop. */
struct change {
    const struct loop_look *before, *now;
    int64_t ns;
    int64_t busy_ns;
    bool has_times; /* the next two are known */
    int64_t processor_ns, delay_ns;
};

/* A loop that was opened meanwhile began with zeros. */
static struct change find_change(const struct top_view *view, const struct loop_look *loop)
{
    static const struct loop_look nothing;
    const struct loop_look *before = top_find_before(view, loop);
    struct change change = {.before = before != NULL ? before : &nothing,
                            .now = loop,
                            .ns = view->now->taken_ns - view->before->taken_ns};
    change.busy_ns = top_busy_ns(view->now, loop);
    if (before != NULL) {
        change.busy_ns -= top_busy_ns(view->before, before);
        change.has_times = loop->has_times && before->has_times;
        change.processor_ns = loop->processor_ns - before->processor_ns;
        change.delay_ns = loop->delay_ns - before->delay_ns;
    }
    return change;
}

static void print_times(FILE *out, const struct change *change)
{
    if (change->now->is_virtual)
        fputs("virtual clock", out);
    else
        fprintf(out, "%.1f %% busy", percent(change->busy_ns, change->ns));
    if (change->has_times)
        fprintf(out, ", %.1f %% of a processor, waited %.1f %% for one",
                percent(change->processor_ns, change->ns), percent(change->delay_ns, change->ns));
    putc('\n', out);
}

static void print_state(FILE *out, const struct change *change)
{
    const struct loop_look *loop = change->now;
    const struct counters *now = &loop->counters, *before = &change->before->counters;
    fprintf(
        out,
        "  tasks: %" PRIu64 ", timers: %" PRIu64 ", operations in flight: %" PRIu64
        ", jobs on other threads: %" PRIu64 "\n  %.0f turns, %.0f polls, %.0f new tasks a second\n",
        now->tasks, loop->timers, loop->in_flight, loop->jobs,
        rate(now->turns, before->turns, change->ns), rate(now->polls, before->polls, change->ns),
        rate(loop->created, change->before->created, change->ns));
}

static void print_quantiles(FILE *out, const char *what, const uint64_t now[],
                            const uint64_t before[], unsigned buckets)
{
    char most[32], nearly[32];
    unsigned longest = find_quantile(now, before, buckets, 1);
    if (longest == buckets)
        return;
    show_bound(most, sizeof most, longest, buckets);
    show_bound(nearly, sizeof nearly, find_quantile(now, before, buckets, 0.99), buckets);
    fprintf(out, "  %s: 99 %% within %s, all within %s\n", what, nearly, most);
}

/* How long the loop has been held now, if that is longer than usual. */
static void print_present(FILE *out, const struct top_view *view, const struct loop_look *loop)
{
    enum { LONG_NS = 10000000 };
    char shown[32];
    int64_t held_ns = view->now->taken_ns - loop->counters.since_ns;
    if (!loop->counters.is_busy || loop->is_virtual || held_ns < LONG_NS)
        return;
    asyncp_show_duration(shown, sizeof shown, held_ns);
    fprintf(out, "  held for %s now\n", shown);
}

/* "21.6 % ±  1.9"; "-" if the kernel does not tell the processor time of threads. */
static void show_estimate(char *shown, size_t size, struct estimate estimate, double whole)
{
    snprintf(shown, size, "%5.1f %% ± %4.1f", whole * estimate.share, whole * estimate.error);
}

/* The processor time of the thread is divided by the weights of the samples. */
static void show_processor(char *shown, size_t size, const struct share *share,
                           const struct share *all, const struct change *change)
{
    double samples = all->weight_squares > 0 ? all->weight_ns * all->weight_ns / all->weight_squares
                                             : 0;
    double part = all->weight_ns > 0 ? share->weight_ns / all->weight_ns * samples : 0;
    if (change->has_times)
        show_estimate(shown, size, estimate_share(part, samples),
                      percent(change->processor_ns, change->ns));
    else
        snprintf(shown, size, "%13s", "-");
}

static struct share add_up(const struct share shares[], size_t count)
{
    struct share all = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        all.weight_ns += shares[i].weight_ns;
        all.weight_squares += shares[i].weight_squares;
    }
    return all;
}

static int print_shares(FILE *out, const struct top_view *view, const struct change *change)
{
    size_t count;
    struct share *shares = top_sort_shares(view, change->now, &count);
    if (shares == NULL)
        return -ENOMEM;
    struct share all = add_up(shares, count);
    if (count > 0)
        fputs("      PROCESSOR     HOLDS THE LOOP  NAME\n", out);
    for (size_t i = 0; i < count; i++) {
        char name[MAX_SHOWN_BYTES], processor[32], holds[32];
        const char *bytes = shares[i].kind == ACTIVITY_TASK       ? shares[i].name
                            : shares[i].kind == ACTIVITY_CALLBACK ? "(callbacks)"
                                                                  : "(the loop itself)";
        struct estimate held = estimate_share((double)shares[i].count, (double)view->shares->count);
        async_printable(name, sizeof name, bytes, strlen(bytes));
        show_processor(processor, sizeof processor, &shares[i], &all, change);
        show_estimate(holds, sizeof holds, held, 100);
        fprintf(out, "  %s      %s  %s\n", processor, holds, name);
    }
    free(shares);
    return 0;
}

static int print_loop(FILE *out, const struct top_view *view, const struct loop_look *loop)
{
    fprintf(out, "loop %" PRIu32 ", thread %" PRIu32 ", %s: ", loop->number, loop->thread,
            loop->backend);
    if (!top_has_counters(view, loop)) {
        fputs("its counters could not be read\n", out);
        return 0;
    }
    struct change change = find_change(view, loop);
    const struct counters *now = &loop->counters, *before = &change.before->counters;
    print_times(out, &change);
    print_state(out, &change);
    print_quantiles(out, "holds", now->hold, before->hold, now->buckets);
    print_quantiles(out, "lateness of timers", now->lateness, before->lateness, now->buckets);
    print_present(out, view, loop);
    return print_shares(out, view, &change);
}

int top_print(FILE *out, const struct top_view *view)
{
    char name[sizeof view->subject->name * 4];
    int result = 0;
    async_printable(name, sizeof name, view->subject->name, strlen(view->subject->name));
    fprintf(out, "process %d (%s): %.2f s, %" PRIu64 " samples\n", (int)view->subject->id, name,
            (double)(view->now->taken_ns - view->before->taken_ns) / 1e9, view->shares->count);
    if (view->now->count == 0)
        fputs(view->now->unreadable > 0 ? "no loop could be read\n" : "no loop is open\n", out);
    for (size_t i = 0; i < view->now->count && result == 0; i++)
        result = print_loop(out, view, &view->now->loops[i]);
    if (view->now->left_out > 0)
        fprintf(out, "%zu more loops\n", view->now->left_out);
    return result;
}
