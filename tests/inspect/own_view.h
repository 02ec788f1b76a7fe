/*
 * own_view.h: for the tests of src/inspect: snapshots of this process.
 */
#ifndef INSPECT_OWN_VIEW_H
#define INSPECT_OWN_VIEW_H

#include "inspect/process.h"
#include "inspect/snapshot.h"

/* The table of this process, checked. */
const struct layout *own_layout(void);

/* Takes a snapshot of this process, which has one loop. */
void take_own_snapshot(struct snapshot *snapshot);

const char *text_of_row(const struct snapshot *snapshot, uint32_t text);

/* The row of the task with this name; it is a failure if there is none. */
const struct row *row_named(const struct snapshot *snapshot, const char *name);

#endif
