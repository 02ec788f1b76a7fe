/* timeline/tally.c: one pass over the spans, and two over the events. */
#include "timeline/tally.h"
#include "timeline/verdict.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A call in which a task waits until another one gives something back. */
static bool is_for_turn(const char *call)
{
    static const char *const calls[] = {"async_lock_acquire", "async_semaphore_acquire",
                                        "async_queue_put"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(call, calls[i]) == 0)
            return true;
    return false;
}

static void add_turn(struct tally *tally, const struct span *span, uint64_t length_ns)
{
    struct site *site = asyncp_site_at(tally, tally->site_of[span->task]);
    tally->last_turn = *span;
    tally->run_ns += length_ns;
    site->run_ns += length_ns;
    if (length_ns > tally->longest_ns)
        tally->longest_ns = length_ns;
    if (length_ns < (uint64_t)VERDICT_HOLD_US * NS_PER_US)
        return;
    site->hold_count++;
    site->hold_ns += length_ns;
    site->lost_ns += length_ns * span->ready;
    if (length_ns > site->longest_ns)
        site->longest_ns = length_ns;
    if (span->ready > site->most_ready)
        site->most_ready = span->ready;
}

static void add_end(struct tally *tally, const struct span *span)
{
    struct site *site = asyncp_site_at(tally, tally->site_of[span->task]);
    uint64_t life_ns = span->to_ns - tally->begin_ns[span->task];
    uint64_t before_ns = site->ended > 0 ? site->last_end_ns - site->last_begin_ns : 0;
    if (before_ns > site->other_ns)
        site->other_ns = before_ns;
    site->ended++;
    site->previous_end_ns = site->last_end_ns;
    site->last = span->task;
    site->last_begin_ns = span->to_ns - life_ns;
    site->last_end_ns = span->to_ns;
}

/* The wait is over: `by` has ended it. */
static void add_wait(struct tally *tally, const struct span *span)
{
    if (span->wait == SPAN_UNKNOWN || !is_for_turn(tally->timeline->waits[span->wait].call))
        return;
    tally->contentions[span->wait].total_ns += span->to_ns - span->from_ns;
}

static void see_span(void *context, const struct span *span)
{
    struct tally *tally = context;
    uint64_t length_ns = span->to_ns - span->from_ns;
    if (tally->begin_ns[span->task] == UINT64_MAX)
        tally->begin_ns[span->task] = span->from_ns;
    if (span->state == SPAN_RUNS)
        add_turn(tally, span, length_ns);
    if (span->state == SPAN_RUNS && span->has_ended)
        add_end(tally, span);
    if (span->state == SPAN_READY) {
        tally->ready_ns += length_ns;
        asyncp_site_at(tally, tally->site_of[span->task])->ready_ns += length_ns;
    }
    if (span->state == SPAN_WAITS)
        add_wait(tally, span);
    if (span->state == SPAN_SLEEPS && (span->flags & SLEEP_DEADLOCK) != 0 &&
        tally->deadlock.state == SPAN_NONE)
        tally->deadlock = *span;
    if (span->state == SPAN_SLEEPS && (span->flags & SLEEP_FOREVER) != 0 &&
        length_ns > tally->stuck.to_ns - tally->stuck.from_ns)
        tally->stuck = *span;
}

static void vote(struct contention *contention, uint32_t waker)
{
    if (contention->votes == 0)
        contention->waker = waker;
    contention->votes += contention->waker == waker ? 1 : -1;
}

/* The site that has the turn after an event; before it, `before` had the turn. */
static uint32_t site_after(const struct tally *tally, const struct timeline_event *event,
                           uint32_t before)
{
    if (event->kind == EVENT_RUN)
        return tally->site_of[event->task];
    return event->kind == EVENT_WAKE || event->kind == EVENT_CREATE ? before : NO_SITE;
}

static void begin_wait(struct tally *tally, uint32_t *wait_of, uint32_t task, uint32_t wait)
{
    struct contention *contention = &tally->contentions[wait];
    wait_of[task] = wait + 1;
    if (++contention->waiters > contention->most_waiters)
        contention->most_waiters = contention->waiters;
}

/* Tasks that wait from the begin to the end of the record have no event. */
static void begin_long_waits(struct tally *tally, uint32_t *wait_of)
{
    for (uint32_t i = 0; i < tally->timeline->task_count; i++) {
        const struct timeline_task *task = &tally->timeline->tasks[i];
        if (task->is_live && !task->has_events && task->wait != 0)
            begin_wait(tally, wait_of, i, task->wait - 1);
    }
}

/* How many tasks have waited at once for each object, and which tasks have let them go on. */
static void count_waiters(struct tally *tally, uint32_t *wait_of)
{
    const struct timeline *timeline = tally->timeline;
    uint32_t running = NO_SITE;
    begin_long_waits(tally, wait_of);
    for (size_t i = 0; i < timeline->event_count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        running = site_after(tally, event, running);
        if (event->kind == EVENT_WAIT)
            begin_wait(tally, wait_of, event->task, event->wait);
        if (event->kind == EVENT_WAKE && wait_of[event->task] != 0) {
            struct contention *contention = &tally->contentions[wait_of[event->task] - 1];
            wait_of[event->task] = 0;
            contention->waiters--;
            vote(contention, running);
        }
    }
}

/* The hold after which the loop has not been idle yet. */
struct last_hold {
    struct site *site; /* NULL: none */
    uint64_t length_ns;
    uint32_t late; /* tasks that were woken after it */
};

/*
 * The loop has made tasks ready after a hold: their times came, or the kernel had something for
 * them, while the loop could not look. The moment is unknown; on average it is the middle.
 */
static void end_last_hold(struct last_hold *hold)
{
    if (hold->site != NULL && hold->late > 0) {
        hold->site->lost_ns += hold->length_ns / 2 * hold->late;
        if (hold->late > hold->site->most_late)
            hold->site->most_late = hold->late;
    }
    *hold = (struct last_hold){.site = NULL};
}

static void count_late(const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    struct last_hold hold = {.site = NULL};
    uint64_t begin_ns = 0;
    bool runs = false;
    for (size_t i = 0; i < timeline->event_count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (event->kind == EVENT_WAKE && !runs)
            hold.late++;
        if (event->kind == EVENT_SLEEP || (event->kind == EVENT_RUN && hold.late > 0))
            end_last_hold(&hold);
        if (event->kind == EVENT_RUN)
            begin_ns = event->at_ns;
        if (event->kind == EVENT_WAKE || event->kind == EVENT_CREATE || event->kind == EVENT_SLEEP)
            continue;
        runs = event->kind == EVENT_RUN;
        if (!runs && event->at_ns - begin_ns >= (uint64_t)VERDICT_HOLD_US * NS_PER_US)
            hold = (struct last_hold){.site = asyncp_site_at(tally, tally->site_of[event->task]),
                                      .length_ns = event->at_ns - begin_ns};
    }
    end_last_hold(&hold);
}

/* Puts each task to those of its function. 0 or -ENOMEM. */
static int find_sites(struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    for (uint32_t i = 0; i < timeline->task_count; i++) {
        const struct timeline_task *task = &timeline->tasks[i];
        const uint64_t key[2] = {(uintptr_t)task->function, *task->function == 0 ? i : 0};
        uint32_t index;
        if (asyncp_table_add(&tally->sites, key, &index) < 0)
            return -ENOMEM;
        struct site *site = asyncp_site_at(tally, index);
        site->example = site->task_count == 0 ? i : site->example;
        site->task_count++;
        tally->site_of[i] = index;
        tally->begin_ns[i] = UINT64_MAX;
    }
    return 0;
}

int asyncp_tally_make(struct tally *tally, const struct timeline *timeline)
{
    uint32_t *wait_of = calloc(timeline->task_count + 1, sizeof *wait_of);
    *tally = (struct tally){.timeline = timeline};
    tally->sites = (struct table){.record_bytes = sizeof(struct site),
                                  .key_bytes = 2 * sizeof(uint64_t)};
    tally->site_of = calloc(timeline->task_count + 1, sizeof *tally->site_of);
    tally->begin_ns = calloc(timeline->task_count + 1, sizeof *tally->begin_ns);
    tally->contentions = calloc(timeline->wait_count + 1, sizeof *tally->contentions);
    int result = wait_of != NULL && tally->site_of != NULL && tally->begin_ns != NULL &&
                         tally->contentions != NULL
                     ? find_sites(tally)
                     : -ENOMEM;
    if (result == 0) {
        count_late(tally);
        count_waiters(tally, wait_of);
        result = asyncp_replay(timeline, see_span, tally);
    }
    free(wait_of);
    return result;
}

void asyncp_tally_free(struct tally *tally)
{
    asyncp_table_free(&tally->sites);
    free(tally->site_of);
    free(tally->begin_ns);
    free(tally->contentions);
}
