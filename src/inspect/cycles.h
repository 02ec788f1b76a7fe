/*
 * inspect/cycles.h: tasks that wait for each other in a circle, so that none of them can go on.
 */
#ifndef INSPECT_CYCLES_H
#define INSPECT_CYCLES_H

#include "inspect/graph.h"

/* Cycles that have tasks in common with others. */
enum { MAX_OVERLAPPING = 16 };

/* Each row waits for the next one, and the last one for the first. */
struct cycle {
    size_t first; /* index of its rows */
    size_t length;
};

struct cycles {
    struct cycle *found;
    size_t count, capacity;
    uint32_t *rows; /* of all cycles */
    size_t row_count, row_capacity;
    size_t left_out; /* more cycles, which have tasks in common with others; unconfirmed */
};

/*
 * Finds cycles: for each set of tasks that wait for each other at least one, and up to
 * MAX_OVERLAPPING more. Edges of the kind EDGE_ONE_OF do not count. 0 or -ENOMEM; then there is
 * nothing to free.
 */
int asyncp_cycles_find(struct cycles *cycles, const struct graph *graph, size_t row_count);

void asyncp_cycles_free(struct cycles *cycles);

static inline const uint32_t *asyncp_cycle_rows(const struct cycles *cycles,
                                                const struct cycle *cycle)
{
    return cycles->rows + cycle->first;
}

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
