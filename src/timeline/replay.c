/*
 * timeline/replay.c: follows the state of each task through the events. The first events of a ring
 * may be lost, and a damaged file may have any order of events: a task is in one state at a time
 * all the same.
 */
#include "timeline/replay.h"
#include <errno.h>
#include <stdlib.h>

struct replay {
    const struct timeline *timeline;
    struct span *open; /* of each task, the span that has not ended */
    size_t event;      /* index of the present one; their count: behind the last */
    uint32_t running;  /* index; 0: the loop, or a callback */
    uint32_t ready;    /* tasks that are ready */
    void (*see)(void *context, const struct span *span);
    void *context;
};

/* Ends the task's span. `flags` are those of the event that ends it. */
static void close_span(struct replay *replay, uint32_t task, uint64_t at_ns, uint8_t flags)
{
    struct span *span = &replay->open[task];
    if (span->state == SPAN_NONE)
        return;
    span->to_ns = at_ns;
    span->to_event = replay->event;
    if (span->state == SPAN_READY)
        replay->ready--;
    if (span->state == SPAN_WAITS)
        span->flags = flags;
    replay->see(replay->context, span);
    span->state = SPAN_NONE;
}

static struct span *begin_span(struct replay *replay, const struct timeline_event *event,
                               enum span_state state)
{
    struct span *span = &replay->open[event->task];
    close_span(replay, event->task, event->at_ns, event->flags);
    *span = (struct span){.from_ns = event->at_ns,
                          .from_event = replay->event,
                          .task = event->task,
                          .wait = SPAN_UNKNOWN,
                          .by = replay->running,
                          .ready = replay->ready,
                          .state = (uint8_t)state,
                          .flags = event->flags};
    replay->ready += state == SPAN_READY;
    return span;
}

/* An event before which the task was somewhere, but nothing was recorded. */
static void assume_wait(struct replay *replay, const struct timeline_event *event)
{
    struct span *span = &replay->open[event->task];
    if (span->state == SPAN_NONE && event->task != 0)
        *span = (struct span){.task = event->task, .wait = SPAN_UNKNOWN, .state = SPAN_WAITS};
}

static void end_turn(struct replay *replay, const struct timeline_event *event)
{
    replay->open[event->task].has_ended = event->kind == EVENT_END;
    if (event->kind == EVENT_WAIT)
        begin_span(replay, event, SPAN_WAITS)->wait = event->wait;
    else if (event->kind == EVENT_YIELD || event->kind == EVENT_START)
        begin_span(replay, event, SPAN_READY);
    else
        close_span(replay, event->task, event->at_ns, event->flags);
    replay->running = 0;
}

static void replay_event(struct replay *replay, const struct timeline_event *event)
{
    if (replay->open[0].state == SPAN_SLEEPS)
        close_span(replay, 0, event->at_ns, event->flags);
    switch (event->kind) {
    case EVENT_RUN:
        begin_span(replay, event, SPAN_RUNS);
        replay->running = event->task;
        break;
    case EVENT_WAKE:
        assume_wait(replay, event);
        begin_span(replay, event, SPAN_READY);
        break;
    case EVENT_CREATE:
        begin_span(replay, event, SPAN_READY);
        break;
    case EVENT_SLEEP:
        begin_span(replay, event, SPAN_SLEEPS);
        break;
    default:
        end_turn(replay, event);
        break;
    }
}

/*
 * Tasks that are left. One without an event waits, or has not begun because its group has reached
 * its limit; a ready one would have an event.
 */
static void close_all(struct replay *replay)
{
    const struct timeline *timeline = replay->timeline;
    for (uint32_t i = 0; i < timeline->task_count; i++) {
        const struct timeline_task *task = &timeline->tasks[i];
        struct span *span = &replay->open[i];
        if (task->is_live && !task->has_events && task->wait != 0)
            *span = (struct span){.task = i, .state = SPAN_WAITS, .wait = task->wait - 1};
        close_span(replay, i, timeline->length_ns, 0);
    }
}

int asyncp_replay(const struct timeline *timeline,
                  void (*see)(void *context, const struct span *span), void *context)
{
    struct replay replay = {.timeline = timeline, .see = see, .context = context};
    replay.open = calloc(timeline->task_count + 1, sizeof *replay.open);
    if (replay.open == NULL)
        return -ENOMEM;
    for (; replay.event < timeline->event_count; replay.event++)
        replay_event(&replay, &timeline->events[replay.event]);
    close_all(&replay);
    free(replay.open);
    return 0;
}
