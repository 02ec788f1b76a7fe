/*
 * sched/guest.h: what lives on a loop without being a task: the core tells it when a moment has
 * come, and knows nothing else of it.
 */
#ifndef SCHED_GUEST_H
#define SCHED_GUEST_H

#include <stddef.h>
#include "base/list.h"

struct async_loop;

/* Something put off to the end of the iteration, when all that was ready has run. */
struct deferred {
    struct link link; /* in the loop's list, while it is put off */
    void (*run)(
        struct deferred *
            deferred); /* called once, out of the list, on the loop's stack; may put it off again */
};

/* Something that has to go when the loop does. */
struct guest {
    struct link link;                         /* in the loop's list */
    void (*loop_closes)(struct guest *guest); /* leaves, and frees itself; all tasks have ended */
};

/*
 * What the program has freed and tasks may still use by mistake: a consumer that the end of the run
 * is about to cancel. The memory is kept until the loop closes, or until many others were freed.
 */
void asyncp_guest_freed(struct async_loop *loop, struct guest *guest);

struct closing {
    struct list deferred; /* struct deferred: called at the end of the iteration */
    struct list hooks;    /* struct guest: called when the loop closes */
    struct list freed;    /* struct guest: freed by the program, kept for a while */
    size_t freed_count;   /* of these */
};

#endif
