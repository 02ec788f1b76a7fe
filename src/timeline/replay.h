/*
 * timeline/replay.h: the spans of a timeline: in which state each task was, from when to when.
 */
#ifndef TIMELINE_REPLAY_H
#define TIMELINE_REPLAY_H

#include "timeline/decode.h"

enum span_state {
    SPAN_NONE, /* it has not begun, or has ended */
    SPAN_RUNS,
    SPAN_READY,
    SPAN_WAITS,
    SPAN_SLEEPS, /* the loop itself */
    SPAN_STATES
};

#define SPAN_UNKNOWN UINT32_MAX

struct span {
    uint64_t from_ns, to_ns;
    size_t from_event, to_event; /* indices of the events; to: their count if it lasts */
    uint32_t task;
    uint32_t wait;  /* WAITS: index, or SPAN_UNKNOWN */
    uint32_t by;    /* READY: the task that has made it ready; 0: the loop, a timer or the kernel */
    uint32_t ready; /* RUNS: tasks that were ready when it began */
    uint8_t state;  /* enum span_state */
    uint8_t flags;  /* of the event that has begun READY or SLEEPS, or ended WAITS */
    bool has_ended; /* RUNS: the task ends with it */
};

/* Calls `see` for each span when it is over; in the order of their ends. 0 or -ENOMEM. */
int asyncp_replay(const struct timeline *timeline,
                  void (*see)(void *context, const struct span *span), void *context);

#endif
