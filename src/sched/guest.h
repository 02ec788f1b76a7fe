/*
 * sched/guest.h: hooks that the loop calls: once at the end of an iteration, or when it is closed.
 */
#ifndef SCHED_GUEST_H
#define SCHED_GUEST_H

#include <stddef.h>
#include "base/list.h"

struct async_loop;

/* A call at the end of the iteration, after everything that was ready has run. */
struct deferred {
    struct link link; /* linked while it is pending */
    /* Called on the loop's stack, once, and unlinked; may defer it again. */
    void (*run)(struct deferred *deferred);
};

/* A call when the loop is closed and all tasks have ended. */
struct guest {
    struct link link;
    void (*loop_closes)(struct guest *guest); /* must unlink and free the object */
};

/*
 * Keeps an object that the program has freed until the loop is closed, or until 64 others were
 * freed: a task that the end of the run will cancel may still use it by mistake.
 */
void asyncp_guest_freed(struct async_loop *loop, struct guest *guest);

struct closing {
    struct list deferred; /* struct deferred */
    struct list hooks;    /* struct guest */
    struct list freed;    /* struct guest: quarantine of freed objects */
    size_t freed_count;
};

#endif
