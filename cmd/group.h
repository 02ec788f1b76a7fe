/* cmd/group.h: tasks that do the same thing, which share a line. */
#ifndef CMD_GROUP_H
#define CMD_GROUP_H

#include "cmd/ps.h"

/* Tasks of one loop with the same name, places, state and call. */
struct group {
    const struct row *first; /* with the least id */
    size_t count;
    int64_t since_ns; /* of the one that waits longest */
    bool same_object;
};

bool group_is_alike(const struct ps_view *ps, const struct row *one, const struct row *other);

/* Adds a row to one of *count groups, or to a new one, for which there is room. */
void group_add(const struct ps_view *ps, struct group *groups, size_t *count,
               const struct row *row);

/* "#3 and 98 more" */
void group_show_ids(char *shown, size_t size, const struct group *group);

#endif
