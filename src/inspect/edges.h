/*
 * inspect/edges.h: which task the wait of another one is about.
 */
#ifndef INSPECT_EDGES_H
#define INSPECT_EDGES_H

#include "inspect/snapshot.h"

/*
 * Sets `awaited` and `owner` of all rows, whose texts have been read. 0; -ENOMEM; an error of the
 * view.
 */
int asyncp_edges_find(struct snapshot *snapshot, const struct view *view,
                      const struct layout *layout);

/* The row of a task, by its id; NULL: it has none. */
const struct row *asyncp_row_of(const struct snapshot *snapshot, uint32_t loop, uint64_t id);

#endif
