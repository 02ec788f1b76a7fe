/*
 * timeline/verdict.h: the findings in a timeline, in words: up to two in the order below, or
 * that nothing stands out. A finding counts by its harm, the time that tasks have lost, and not by
 * its length: a task that holds the loop while no other one is ready does no harm.
 */
#ifndef TIMELINE_VERDICT_H
#define TIMELINE_VERDICT_H

#include "timeline/decode.h"

enum finding {
    FINDING_NONE,
    FINDING_UNFINISHED, /* a task held the loop when the record ended */
    FINDING_STUCK,      /* tasks wait, and nothing can wake them */
    FINDING_REPORTED,   /* a task held the loop shortly before the end, alone */
    FINDING_HOLD,       /* a task has held the loop, and others were ready */
    FINDING_SATURATION, /* the loop is busy nearly all the time */
    FINDING_CROWD,      /* many tasks wait for their turns, though each turn is short */
    FINDING_CONTENTION, /* many tasks wait for one lock, semaphore or full queue */
    FINDING_LAST        /* all wait for one task that takes longer than others like it */
};

/* Thresholds. docs/debugging.md repeats them. */
enum {
    VERDICT_HOLD_US = 10000,         /* a turn that counts as a hold */
    VERDICT_LOST_US = 10000,         /* time lost by all other tasks together */
    VERDICT_SHARE_PERCENT = 2,       /* a hold: of it in the length of the timeline */
    VERDICT_STUCK_US = 500000,       /* sleep without anything that could end it */
    VERDICT_BUSY_PERCENT = 90,       /* of the length: saturation */
    VERDICT_BUSY_US = 20000,         /* the shortest timeline that can be saturated */
    VERDICT_CROWD_TASKS = 8,         /* on average: tasks that are ready at once */
    VERDICT_CONTENTION_PERCENT = 50, /* of the length: time that waiters lose together */
    VERDICT_WAITERS = 3,             /* at once for one object */
    VERDICT_SIBLINGS = 3,            /* tasks of one name */
    VERDICT_LAST_PERCENT = 20,       /* of the length: time for the last one alone */
    VERDICT_OTHERS_PERCENT = 10      /* of that time: turns of other functions */
};

enum { MAX_FINDINGS = 2, MAX_SENTENCE_BYTES = 512 };

struct verdict {
    size_t count; /* 0: nothing stands out */
    enum finding findings[MAX_FINDINGS];
    char sentences[MAX_FINDINGS][MAX_SENTENCE_BYTES]; /* one also if there are no findings */
};

/* 0 or -ENOMEM. */
int asyncp_verdict_make(struct verdict *verdict, const struct timeline *timeline);

/* "1.5 s", "30.2 ms", "17 µs". */
struct duration_text {
    char text[32];
};
struct duration_text asyncp_duration_text(uint64_t ns);

#endif
