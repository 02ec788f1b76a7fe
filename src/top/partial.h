/*
 * top/partial.h: deadlocks of some tasks, while others go on.
 */
#ifndef TOP_PARTIAL_H
#define TOP_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

enum { MAX_REMEMBERED = 64 };

/* Cycles that were reported and were there at the last look, by hashes of their waits. */
struct reported_cycles {
    uint64_t hashes[MAX_REMEMBERED];
    unsigned count;
    bool are_left_out; /* there were more, and this was said */
};

/*
 * Looks for tasks of this process that wait for each other in a circle, and reports each circle
 * once; MAX_REMEMBERED circles at a time. Takes 10 ms if there is one. Allocates memory.
 */
void asyncp_report_cycles(struct reported_cycles *reported);

#endif
