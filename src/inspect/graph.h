/*
 * inspect/graph.h: which task waits for which: as far as it follows from the memory of the waits.
 */
#ifndef INSPECT_GRAPH_H
#define INSPECT_GRAPH_H

#include "inspect/edges.h"

enum edge_kind {
    EDGE_AWAITS, /* it cannot go on before the other one has ended */
    EDGE_ONE_OF, /* one of those that it awaits may be enough */
    EDGE_LOCK    /* the other one has the lock */
};

struct edge {
    uint32_t from, to; /* rows of the snapshot */
    enum edge_kind kind;
};

/* Tasks that have failed: async_gather returns the first error when the others have ended. */
struct failures {
    uint32_t row; /* of the task that gathers them */
    int32_t error;
    uint64_t ended; /* the order of ends: of the first one, which has the error */
    size_t count;
};

struct graph {
    struct edge *edges; /* by `from`, each once */
    size_t count, capacity;
    struct failures *failures; /* by row */
    size_t failure_count, failure_capacity;
    size_t unreadable; /* waits for more tasks than may be read */
};

/*
 * Reads the objects of all waits. The bytes of all of them together have a limit: edges beyond it
 * are left out. 0; -ENOMEM; an error of the view.
 */
int asyncp_graph_open(struct graph *graph, const struct snapshot *snapshot, const struct view *view,
                      const struct layout *layout);
void asyncp_graph_close(struct graph *graph);

/* The edges from a row. Returns how many. */
size_t asyncp_graph_from(const struct graph *graph, uint32_t row, const struct edge **edges);

/* Those of a row; NULL: none is known. */
const struct failures *asyncp_graph_failures(const struct graph *graph, uint32_t row);

#endif
