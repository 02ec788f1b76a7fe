/* show/groups.h: tasks that do the same thing, which share a line. */
#ifndef SHOW_GROUPS_H
#define SHOW_GROUPS_H

#include "show/sheet.h"

/* Tasks of one loop with the same name, places, state and call; if they wait for it, one lock. */
struct row_group {
    const struct row *first; /* with the least id */
    size_t count;
    int64_t since_ns; /* of the one that waits longest */
    bool same_object;
};

struct groups {
    struct row_group *items;
    size_t count;
    struct table known; /* by what the tasks of a group have in common */
};

/* Room for groups of `most` tasks. 0 or -ENOMEM. */
int asyncp_groups_open(struct groups *groups, size_t most);
void asyncp_groups_close(struct groups *groups);

/*
 * Adds a row to the group of its kind, or to a new one; alone: always to a new one. The group's
 * index, or -ENOMEM.
 */
int64_t asyncp_groups_add(const struct sheet *sheet, struct groups *groups, const struct row *row,
                          bool alone);

/* "#3 and 98 more" */
void asyncp_group_ids(char *shown, size_t size, const struct row_group *group);

#endif
