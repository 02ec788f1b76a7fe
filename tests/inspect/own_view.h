/* own_view.h: this process as a view of src/inspect; a place that is not mapped is an error. */
#ifndef TEST_OWN_VIEW_H
#define TEST_OWN_VIEW_H

#include "inspect/edges.h"

extern const struct view own_view;

/* The table in this process's note, checked. */
const struct layout *own_layout(void);

enum { MAX_OWN_RANGES = 64 };

/* The code of this process. */
struct own_code {
    struct code_range ranges[MAX_OWN_RANGES];
    size_t count;
};
void find_own_code(struct own_code *code);

/* The rows of the current loop's tasks. Ends the test after an error. */
void take_own_snapshot(struct snapshot *snapshot);

/* The row of a task with this name, and its text. */
const struct row *row_named(const struct snapshot *snapshot, const char *name);
const char *text_of_row(const struct snapshot *snapshot, uint32_t text);

#endif
