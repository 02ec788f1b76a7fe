/*
 * timeline/tally.h: the spans of a timeline, added up by the functions of tasks and by the objects
 * for which they have waited.
 */
#ifndef TIMELINE_TALLY_H
#define TIMELINE_TALLY_H

#include "inspect/table.h"
#include "timeline/replay.h"

enum { NS_PER_US = 1000 };

/* In place of a site: the loop, by a timer or an event of the kernel. */
#define NO_SITE UINT32_MAX

/* The tasks of one function. The first members are the key. */
struct site {
    uint64_t function; /* address of its name */
    uint64_t unknown;  /* of a task without a name: its index */
    uint32_t example;  /* one of its tasks */
    uint32_t task_count;
    uint64_t run_ns, ready_ns;
    uint64_t hold_count, hold_ns, longest_ns; /* turns that are holds */
    uint64_t lost_ns;                         /* by other tasks, while these have held the loop */
    uint32_t most_ready;                      /* tasks that were ready at a hold */
    uint32_t most_late;                       /* tasks that became due during a hold */
    uint32_t ended;                           /* tasks */
    uint32_t last;                            /* the task that has ended last */
    uint64_t last_begin_ns, last_end_ns;
    uint64_t previous_end_ns; /* the end of the task before it */
    uint64_t other_ns;        /* the longest life of another task than the last */
};

/* All waits for one object in one call. */
struct contention {
    uint64_t total_ns;
    uint32_t waiters, most_waiters;
    uint32_t waker; /* the site that has ended most of them, or NO_SITE: a majority vote */
    int32_t votes;
};

struct tally {
    const struct timeline *timeline;
    struct table sites;
    uint32_t *site_of;              /* of each task: index */
    uint64_t *begin_ns;             /* of each task: its first span */
    struct contention *contentions; /* of each wait */
    uint64_t run_ns, ready_ns, longest_ns;
    struct span last_turn; /* state NONE: none */
    struct span stuck;     /* the longest sleep without an end */
    struct span deadlock;  /* the first sleep at which the run has reported one */
};

/* 0 or -ENOMEM; the tally is to be freed also after an error. */
int asyncp_tally_make(struct tally *tally, const struct timeline *timeline);
void asyncp_tally_free(struct tally *tally);

static inline struct site *asyncp_site_at(const struct tally *tally, uint32_t index)
{
    return asyncp_table_at(&tally->sites, index);
}

#endif
