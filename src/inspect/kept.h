/*
 * inspect/kept.h: tasks that have ended, to which the program still has a handle, and for which no
 * task waits: their results may still be asked for. They are counted by the place of their creation
 * and the error with which they have ended.
 */
#ifndef INSPECT_KEPT_H
#define INSPECT_KEPT_H

#include "inspect/layout.h"
#include "inspect/texts.h"

/* Tasks of a loop from one place, with one error. Texts are indices for asyncp_texts_get. */
struct kept {
    uint64_t loop, address;     /* index of the loop; address of the place's text */
    int64_t error;              /* -errno; 0: they have not failed */
    uint64_t first, count;      /* the least id, and how many there are */
    uint32_t first_name, where; /* the name of the task `first` */
};

/* A struct kept for each place and error. */
void asyncp_kept_open(struct table *kept);

/* The id of the task of a record if it is such a task of the loop with that address; else 0. */
uint64_t asyncp_kept_id(const struct layout *layout, const char *record, uint64_t loop);

/* Counts the task of such a record. 0 or -ENOMEM. */
int asyncp_kept_add(struct table *kept, struct texts *texts, const struct layout *layout,
                    const char *record, uint64_t loop_index);

#endif
