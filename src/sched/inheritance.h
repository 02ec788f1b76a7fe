/* sched/inheritance.h: the state of a loop in a child of fork(): see current.h. */
#ifndef SCHED_INHERITANCE_H
#define SCHED_INHERITANCE_H

#include <stdbool.h>

struct inheritance {
    unsigned generation;       /* fork generation of the process that opened the loop */
    bool inherited;            /* this process is a child, and the loop belongs to the parent */
    bool out_of_lists;         /* if inherited: its tasks have left all waiter lists */
    struct async_loop *before; /* if inherited: the next inherited loop of the thread */
    struct async_task *forked_task; /* if inherited: the forking task, once it has ended */
};

/* Records the process that opens the loop. */
void asyncp_inheritance_open(struct async_loop *loop);

#endif
