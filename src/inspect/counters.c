/*
 * inspect/counters.c: reads the counters of a loop while it runs. Its `version` is odd while a
 * phase begins: a copy between two equal, even versions is of one moment.
 */
#include "inspect/counters.h"
#include "inspect/bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_READINGS = 20 };

/* ---- counters ------------------------------------------------------------------------------- */

/* The numbers of a histogram; the layout names the first one. */
static void copy_buckets(uint64_t buckets[], unsigned count, const struct layout *layout,
                         const char *loop, enum layout_name first)
{
    memcpy(buckets, loop + layout->entries[first].offset, count * sizeof *buckets);
}

static void fill_counters(struct counters *counters, const struct layout *layout, const char *loop)
{
    uint64_t phase = asyncp_layout_get(layout, loop, LAYOUT_loop_phase);
    *counters = (struct counters){
        .tasks = asyncp_layout_get(layout, loop, LAYOUT_loop_created) -
                 asyncp_layout_get(layout, loop, LAYOUT_loop_ended) -
                 asyncp_layout_get(layout, loop, LAYOUT_loop_futures),
        .turns = asyncp_layout_get(layout, loop, LAYOUT_loop_turns),
        .polls = asyncp_layout_get(layout, loop, LAYOUT_loop_polls),
        .jobs_begun = asyncp_layout_get(layout, loop, LAYOUT_loop_jobs_begun),
        .stack_bytes = asyncp_layout_get(layout, loop, LAYOUT_loop_stack_bytes),
        .busy_ns = (int64_t)asyncp_layout_get(layout, loop, LAYOUT_loop_busy_ns),
        .asleep_ns = (int64_t)asyncp_layout_get(layout, loop, LAYOUT_loop_asleep_ns),
        .since_ns = (int64_t)asyncp_layout_get(layout, loop, LAYOUT_loop_since_ns),
        .is_busy = phase == layout->entries[LAYOUT_phase_busy].offset,
        .is_asleep = phase == layout->entries[LAYOUT_phase_asleep].offset,
        .buckets = layout->entries[LAYOUT_histogram_buckets].offset};
    copy_buckets(counters->hold, counters->buckets, layout, loop, LAYOUT_loop_hold);
    copy_buckets(counters->lateness, counters->buckets, layout, loop, LAYOUT_loop_lateness);
}

int asyncp_counters_read(struct counters *counters, const struct view *view,
                         const struct layout *layout, uint64_t loop)
{
    const size_t size = layout->entries[LAYOUT_loop].size;
    char *bytes = malloc(size);
    int result = bytes != NULL ? -EAGAIN : -ENOMEM;
    for (int i = 0; i < MAX_READINGS && result == -EAGAIN; i++) {
        uint64_t before = 0, after = 0;
        result = asyncp_layout_read(layout, view, loop, LAYOUT_loop_version, &before);
        if (result == 0)
            result = asyncp_view_read(view, loop, bytes, size);
        if (result == 0)
            result = asyncp_layout_read(layout, view, loop, LAYOUT_loop_version, &after);
        if (result == 0 && (before % 2 != 0 || before != after))
            result = -EAGAIN;
    }
    if (result == 0)
        fill_counters(counters, layout, bytes);
    free(bytes);
    return result;
}

/* ---- activity ------------------------------------------------------------------------------- */

/* The name in the record of a task; "?" if it is another one's by now. */
static int read_name(struct activity_sample *sample, const struct view *view,
                     const struct layout *layout, uint64_t task, uint64_t coroutine)
{
    struct texts texts;
    uint64_t name = 0, owner = 0;
    uint32_t index;
    int result = asyncp_layout_read(layout, view, task, LAYOUT_task_name, &name);
    if (result == 0)
        result = asyncp_layout_read(layout, view, task, LAYOUT_task_coroutine, &owner);
    if (result < 0 || owner != coroutine)
        return result;
    asyncp_texts_open(&texts);
    result = asyncp_texts_add(&texts, name, &index);
    if (result == 0)
        result = asyncp_texts_read(&texts, view);
    if (result == 0)
        memcpy(sample->name, asyncp_texts_get(&texts, index), MAX_TEXT_BYTES);
    asyncp_texts_free(&texts);
    return result;
}

/* No task runs. */
static int sample_loop(struct activity_sample *sample, const struct view *view,
                       const struct layout *layout, uint64_t loop)
{
    const uint64_t sleeping = layout->entries[LAYOUT_attention_sleeping].offset;
    uint64_t attention = 0, in_callback = 0;
    int result = asyncp_layout_read(layout, view, loop, LAYOUT_loop_attention, &attention);
    if (result == 0)
        result = asyncp_layout_read(layout, view, loop, LAYOUT_loop_in_callback, &in_callback);
    if (in_callback != 0)
        sample->kind = ACTIVITY_CALLBACK;
    else if ((attention & sleeping) != 0)
        sample->kind = ACTIVITY_ASLEEP;
    return result;
}

int asyncp_activity_sample(struct activity_sample *sample, const struct view *view,
                           const struct layout *layout, uint64_t loop)
{
    uint64_t current = 0, task = 0;
    *sample = (struct activity_sample){.kind = ACTIVITY_LOOP};
    int result = asyncp_layout_read(layout, view, loop, LAYOUT_loop_current, &current);
    if (result < 0)
        return result;
    if (current == 0)
        return sample_loop(sample, view, layout, loop);
    sample->kind = ACTIVITY_TASK;
    strcpy(sample->name, "?");
    result = asyncp_layout_read(layout, view, current, LAYOUT_coroutine_task, &task);
    if (result == 0)
        result = read_name(sample, view, layout, task, current);
    return result == -EFAULT ? 0 : result;
}
