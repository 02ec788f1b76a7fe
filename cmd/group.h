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

struct groups {
    struct group *items;
    size_t count;
    struct table known; /* by what the tasks of a group have in common */
};

/* Room for groups of `most` tasks. 0 or -ENOMEM. */
int groups_open(struct groups *groups, size_t most);
void groups_close(struct groups *groups);

/*
 * Adds a row to the group of its kind, or to a new one; alone: always to a new one. The group's
 * index, or -ENOMEM.
 */
int64_t groups_add(const struct ps_view *ps, struct groups *groups, const struct row *row,
                   bool alone);

/* "#3 and 98 more" */
void group_show_ids(char *shown, size_t size, const struct group *group);

#endif
