/*
 * cmd/top_look.c: one look at the loops of a process, and samples of what they do. Only memory and
 * /proc are read; the process executes nothing for it.
 */
#include "cmd/top.h"
#include "inspect/snapshot.h"
#include "sys/clock.h"
#include <asyncio/base.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- loops ---------------------------------------------------------------------------------- */

static int look_at_loop(struct loop_look *look, const struct subject *subject, size_t copy,
                        const struct snapshot *snapshot, const struct loop_row *row)
{
    const char *backend = asyncp_texts_get(&snapshot->texts, row->backend);
    *look = (struct loop_look){.copy = copy,
                               .address = row->address,
                               .number = row->number,
                               .thread = row->thread,
                               .is_virtual = row->is_virtual,
                               .created = row->created,
                               .ended = row->ended,
                               .timers = row->timers,
                               .in_flight = row->in_flight,
                               .jobs = row->jobs};
    async_printable(look->backend, sizeof look->backend, backend, strlen(backend));
    look->thread_here = live_find_thread(subject, row->thread);
    look->has_times = live_read_times(subject, look->thread_here, &look->processor_ns,
                                      &look->delay_ns);
    int result = asyncp_counters_read(&look->counters, &subject->view,
                                      &subject->copies[copy].layout, row->address);
    look->has_counters = result == 0;
    return result == -EAGAIN || result == -EFAULT ? 0 : result;
}

/* A child of fork() has copies of its parent's loops, which never run again. */
static int look_at_copy(struct top_look *look, const struct subject *subject, size_t copy)
{
    struct snapshot snapshot;
    const struct library *library = &subject->copies[copy];
    int result = asyncp_snapshot_take_loops(&snapshot, &subject->view, &library->layout,
                                            library->loops);
    if (result < 0)
        return result;
    look->unreadable += snapshot.unreadable;
    for (size_t i = snapshot.loop_count; i-- > 0 && result == 0;) { /* the oldest one first */
        if (snapshot.loops[i].process != (uint32_t)subject->inner_id)
            continue;
        if (look->count < MAX_TOP_LOOPS)
            result = look_at_loop(&look->loops[look->count++], subject, copy, &snapshot,
                                  &snapshot.loops[i]);
        else
            look->left_out++;
    }
    asyncp_snapshot_free(&snapshot);
    return result;
}

int top_look_take(struct top_look *look, const struct subject *subject)
{
    int result = 0;
    *look = (struct top_look){.taken_ns = asyncp_sys_clock_now()};
    for (size_t copy = 0; copy < subject->copy_count && result == 0; copy++)
        result = look_at_copy(look, subject, copy);
    return result;
}

const struct loop_look *top_find_before(const struct top_view *view, const struct loop_look *loop)
{
    for (size_t i = 0; i < view->before->count; i++) {
        const struct loop_look *before = &view->before->loops[i];
        if (before->copy == loop->copy && before->number == loop->number)
            return before;
    }
    return NULL;
}

bool top_has_counters(const struct top_view *view, const struct loop_look *loop)
{
    const struct loop_look *before = top_find_before(view, loop);
    return loop->has_counters &&
           (before != NULL ? before->has_counters : view->before->left_out == 0);
}

/* The part of the present phase until the look. A virtual clock says nothing about it. */
static int64_t present_ns(const struct top_look *look, const struct loop_look *loop, bool is_it)
{
    int64_t elapsed_ns = look->taken_ns - loop->counters.since_ns;
    return is_it && !loop->is_virtual && elapsed_ns > 0 ? elapsed_ns : 0;
}

int64_t top_busy_ns(const struct top_look *look, const struct loop_look *loop)
{
    return loop->counters.busy_ns + present_ns(look, loop, loop->counters.is_busy);
}

int64_t top_asleep_ns(const struct top_look *look, const struct loop_look *loop)
{
    return loop->counters.asleep_ns + present_ns(look, loop, loop->counters.is_asleep);
}

/* ---- samples -------------------------------------------------------------------------------- */

/* The time that the thread of a loop was on a processor since the sample before. */
static int64_t weigh_sample(struct shares *shares, const struct subject *subject,
                            const struct top_look *look, size_t index)
{
    const struct loop_look *loop = &look->loops[index];
    int64_t *last_ns = &shares->processor_ns[index], delay_ns;
    int64_t before_ns = *last_ns != 0 ? *last_ns : loop->processor_ns;
    if (!loop->has_times || !live_read_times(subject, loop->thread_here, last_ns, &delay_ns))
        return 0;
    return *last_ns > before_ns ? *last_ns - before_ns : 0;
}

static int count_sample(struct shares *shares, const struct loop_look *loop,
                        const struct activity_sample *sample, int64_t weight_ns)
{
    struct share share = {.copy = loop->copy, .loop = loop->number, .kind = sample->kind};
    uint32_t index;
    strcpy(share.name, sample->name);
    shares->table.record_bytes = sizeof share;
    shares->table.key_bytes = offsetof(struct share, count);
    int result = asyncp_table_add(&shares->table, &share, &index);
    if (result < 0)
        return result;
    struct share *known = asyncp_table_at(&shares->table, index);
    known->count++;
    known->weight_ns += (double)weight_ns;
    known->weight_squares += (double)weight_ns * (double)weight_ns;
    return 0;
}

int shares_sample(struct shares *shares, const struct subject *subject, const struct top_look *look)
{
    int result = 0;
    for (size_t i = 0; i < look->count && result == 0; i++) {
        const struct loop_look *loop = &look->loops[i];
        struct activity_sample sample;
        result = asyncp_activity_sample(&sample, &subject->view,
                                        &subject->copies[loop->copy].layout, loop->address);
        int64_t weight_ns = weigh_sample(shares, subject, look, i);
        if (result == 0 && sample.kind != ACTIVITY_ASLEEP)
            result = count_sample(shares, loop, &sample, weight_ns);
        if (result == -EFAULT) /* it was closed */
            result = 0;
    }
    shares->count++;
    return result;
}

void shares_clear(struct shares *shares)
{
    asyncp_table_free(&shares->table);
    *shares = (struct shares){.count = 0};
}

static int compare_shares(const void *one, const void *other)
{
    const struct share *a = one, *b = other;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count)
                                : strcmp(a->name, b->name);
}

struct share *top_sort_shares(const struct top_view *view, const struct loop_look *loop,
                              size_t *count)
{
    const struct table *table = &view->shares->table;
    struct share *sorted = calloc(table->count + 1, sizeof *sorted);
    *count = 0;
    if (sorted == NULL)
        return NULL;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct share *share = asyncp_table_at(table, i);
        if (share->copy == loop->copy && share->loop == loop->number)
            sorted[(*count)++] = *share;
    }
    qsort(sorted, *count, sizeof *sorted, compare_shares);
    return sorted;
}
