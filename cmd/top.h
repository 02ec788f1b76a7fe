/*
 * cmd/top.h: what the loops of a process do, over an interval: differences of their counters, the
 * processor that their threads have used, and samples of the tasks that they run.
 */
#ifndef CMD_TOP_H
#define CMD_TOP_H

#include "cmd/subject.h"
#include "inspect/counters.h"
#include <stdio.h>

enum { MAX_TOP_LOOPS = 64, MAX_BACKEND_BYTES = 32 };

/* A loop at one moment. */
struct loop_look {
    size_t copy;                     /* of libasyncio, an index */
    uint64_t address;                /* of the loop */
    uint32_t number;                 /* unique in its copy */
    uint32_t thread;                 /* as the process numbers it */
    pid_t thread_here;               /* the same, as this command numbers it; 0: it has ended */
    char backend[MAX_BACKEND_BYTES]; /* printable */
    bool is_virtual, has_counters, has_times;
    uint64_t created, ended, timers, in_flight, jobs;
    struct counters counters;
    int64_t processor_ns, delay_ns; /* of the thread: on a processor, and waiting for one */
};

struct top_look {
    int64_t taken_ns; /* CLOCK_MONOTONIC */
    struct loop_look loops[MAX_TOP_LOOPS];
    size_t count, left_out;
    size_t unreadable; /* loops, or ends of lists */
};

/* Samples in which a loop did this; the first members are the key. */
struct share {
    uint64_t copy, loop;
    uint64_t kind;             /* enum activity_kind */
    char name[MAX_TEXT_BYTES]; /* of the task; "": no task */
    uint64_t count;
    /*
     * Of each of them the time that the thread was on a processor since the sample before: a sample
     * of a thread that waits for one, or is blocked by the kernel, weighs nothing.
     */
    double weight_ns, weight_squares;
};

/* The samples of an interval. */
struct shares {
    struct table table;                  /* struct share */
    uint64_t count;                      /* of each loop, also while it is asleep */
    int64_t processor_ns[MAX_TOP_LOOPS]; /* at the last sample; 0: none was taken */
};

/* An interval. */
struct top_view {
    const struct subject *subject;
    const struct top_look *before, *now;
    const struct shares *shares;
};

/* Looks at all loops of a process. 0 or an error of the view. */
int top_look_take(struct top_look *look, const struct subject *subject);

/* Takes a sample of each loop. 0 or an error of the view. */
int shares_sample(struct shares *shares, const struct subject *subject,
                  const struct top_look *look);

/* Forgets all samples. */
void shares_clear(struct shares *shares);

/* The look at the same loop when the interval began; NULL: it was opened later. */
const struct loop_look *top_find_before(const struct top_view *view, const struct loop_look *loop);

/*
 * Whether the counters at both ends of the interval are known: they may change too fast to be read.
 * A loop that was opened meanwhile began with zeros.
 */
bool top_has_counters(const struct top_view *view, const struct loop_look *loop);

/* The time of a loop that was busy, or asleep, until the look; without a limit of its phases. */
int64_t top_busy_ns(const struct top_look *look, const struct loop_look *loop);
int64_t top_asleep_ns(const struct top_look *look, const struct loop_look *loop);

/* The shares of a loop, the largest first, to be freed. *count: how many. NULL: no memory. */
struct share *top_sort_shares(const struct top_view *view, const struct loop_look *loop,
                              size_t *count);

/* As a table. 0 or -ENOMEM. */
int top_print(FILE *out, const struct top_view *view);

/* As JSON, to standard output. 0 or -ENOMEM. */
int top_print_json(const struct top_view *view);

#endif
