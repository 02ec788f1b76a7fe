/*
 * loop/loops.h: the list of all loops of the process, for readers of its memory: inspect/layout.h.
 * A debugger or another process reads it at any moment, so each store leaves a list that can be
 * followed.
 */
#ifndef LOOP_LOOPS_H
#define LOOP_LOOPS_H

#include "sched/listing.h"

#include <stdbool.h>

struct coroutine;

struct loops {
    uint64_t magic;
    struct async_loop *first;
    const struct coroutine *future; /* the coroutine of all futures */
    const void *const *resume;      /* asyncp_switch_resume */
};
extern struct loops asyncp_loops __attribute__((visibility("hidden")));

void asyncp_loops_add(struct async_loop *loop);
void asyncp_loops_remove(struct async_loop *loop);

/* 1, 2, 3…: unique in the process. */
uint32_t asyncp_loop_number(const struct async_loop *loop);

/* The kernel's number of the thread that has opened it. */
int32_t asyncp_loop_thread(const struct async_loop *loop);

/*
 * Calls a function with each loop of this process, the oldest first; meanwhile none is opened or
 * closed. Ends with the first call that returns a negative number, which is returned; else 0.
 */
int asyncp_loops_each(int (*visit)(void *argument, const struct async_loop *loop), void *argument);

/* Whether a loop with this address is open, also a copy in a child of fork(). */
bool asyncp_loops_has(const struct async_loop *loop);

/* In a new child: another thread may have held the lock. */
void asyncp_loops_fork(void);

#endif
