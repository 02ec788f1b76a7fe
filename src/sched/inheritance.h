/*
 * sched/inheritance.h: what a loop keeps for the case of fork(): see fork.h.
 */
#ifndef SCHED_INHERITANCE_H
#define SCHED_INHERITANCE_H

#include <stdbool.h>

struct inheritance {
    unsigned generation;            /* of the process that opened the loop */
    bool inherited;                 /* this is a child of fork(), and the loop its parent's */
    bool out_of_lines;              /* then: its tasks have left all waiter lists */
    struct async_loop *before;      /* then: the next one that the thread has inherited */
    struct async_task *forked_task; /* then: the task that forked, when it has ended */
};

/* Notes the process that opens the loop. */
void asyncp_inheritance_open(struct async_loop *loop);

#endif
