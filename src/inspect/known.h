/*
 * inspect/known.h: which tasks know an object that another task waits for: its address is on their
 * stacks. Any of them might wake it. A task may also reach an object in other ways, and an old
 * value may lie on a stack; so this is where to look, and no proof.
 */
#ifndef INSPECT_KNOWN_H
#define INSPECT_KNOWN_H

#include "inspect/graph.h"

enum { KNOWN_MOST = 8 };

/* An object, and the call in which tasks wait for it. Those tasks themselves do not count. */
struct known_object {
    uint64_t object;
    uint32_t call, loop;
    uint32_t count;            /* of the tasks that know it */
    uint32_t rows[KNOWN_MOST]; /* the first ones */
    uint32_t last;             /* row + 1 of the last one */
};

struct known {
    struct known_object *objects; /* by object, loop and call */
    size_t count;
    size_t unreadable; /* stacks that were not searched to their ends: see MAX_LOOKS */
};

/*
 * Looks for the objects of all waits for which the graph has no edge. Of each stack at most 64 KiB
 * are read. 0; -ENOMEM; an error of the view.
 */
int asyncp_known_find(struct known *known, const struct snapshot *snapshot,
                      const struct graph *graph, const struct view *view);

/* Of the object that a task waits for; NULL: it was not looked for. */
const struct known_object *asyncp_known_of(const struct known *known, const struct row *row);

void asyncp_known_free(struct known *known);

#endif
