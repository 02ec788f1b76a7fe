/*
 * inspect/counters.h: the counters of the loops of a process, and the tasks that they run at this
 * moment. A reading takes some microseconds, so it can be repeated hundreds of times a second.
 */
#ifndef INSPECT_COUNTERS_H
#define INSPECT_COUNTERS_H

#include "inspect/layout.h"
#include "inspect/texts.h"

enum { MAX_BUCKETS = 64 };

/* Of one moment. */
struct counters {
    uint64_t tasks; /* that have not ended */
    uint64_t turns; /* before the present burst */
    uint64_t polls, jobs_begun, stack_bytes;
    int64_t busy_ns, asleep_ns; /* until since_ns */
    int64_t since_ns;           /* by the loop's clock: the begin of the present phase */
    bool is_busy, is_asleep;    /* neither: the program has not called its loop */
    unsigned buckets;
    uint64_t hold[MAX_BUCKETS];     /* durations from a poll to the next one, until since_ns */
    uint64_t lateness[MAX_BUCKETS]; /* of timers */
};

/*
 * Reads the counters of the loop at an address. 0; -EAGAIN if they changed all the time; -EFAULT;
 * an error of the view.
 */
int asyncp_counters_read(struct counters *counters, const struct view *view,
                         const struct layout *layout, uint64_t loop);

enum activity_kind {
    ACTIVITY_ASLEEP,   /* the loop waits for events */
    ACTIVITY_LOOP,     /* it polls, or code outside it runs */
    ACTIVITY_CALLBACK, /* it calls a callback */
    ACTIVITY_TASK
};

struct activity_sample {
    enum activity_kind kind;
    char name[MAX_TEXT_BYTES]; /* of the task; "?": it has ended meanwhile */
};

/* What the loop at an address does now. 0; -EFAULT; -ENOMEM; an error of the view. */
int asyncp_activity_sample(struct activity_sample *sample, const struct view *view,
                           const struct layout *layout, uint64_t loop);

#endif
