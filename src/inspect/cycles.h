/*
 * inspect/cycles.h: tasks that wait for each other in a circle, so that none of them can go on.
 */
#ifndef INSPECT_CYCLES_H
#define INSPECT_CYCLES_H

#include "inspect/graph.h"

enum { MAX_CYCLES = 16, MAX_CYCLE_ROWS = 64 };

/* Each row waits for the next one, and the last one for the first. */
struct cycle {
    uint32_t rows[MAX_CYCLE_ROWS];
    size_t count;  /* of rows */
    size_t length; /* of the cycle: more than count if it is longer than MAX_CYCLE_ROWS */
};

struct cycles {
    struct cycle found[MAX_CYCLES];
    size_t count;
};

/*
 * Finds cycles: for each set of tasks that wait for each other at least one, up to MAX_CYCLES.
 * Edges of the kind EDGE_ONE_OF do not count. 0 or -ENOMEM.
 */
int asyncp_cycles_find(struct cycles *cycles, const struct graph *graph, size_t row_count);

/*
 * Removes the cycles that a later snapshot of the same process does not confirm. What is read of a
 * running process is of different moments, so a cycle may never have been. It was if each of its
 * tasks is still in the same wait: none of them has done anything in between. A wait is the same if
 * it began at the same time, and
 *
 *     before the loop's clock was read for the first snapshot: a wait that begins later has a later
 *     time; or
 *     the loop has slept from one snapshot to the other.
 */
void asyncp_cycles_confirm(struct cycles *cycles, const struct snapshot *snapshot,
                           const struct snapshot *later);

#endif
