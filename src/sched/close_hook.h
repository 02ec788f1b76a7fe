/*
 * sched/close_hook.h: hooks called by the loop: once at the end of an iteration, or when it is
 * closed.
 */
#ifndef SCHED_CLOSE_HOOK_H
#define SCHED_CLOSE_HOOK_H

#include "base/list.h"
#include "sched/left.h"
#include <stddef.h>

struct async_loop;

/* A call at the end of the iteration, after all ready tasks and callbacks have run. */
struct deferred {
    struct link link; /* linked while it is pending */
    /* Called on the loop's stack, once, and unlinked; may defer it again. */
    void (*run)(struct deferred *deferred);
};

/*
 * A call when the loop ends and all tasks have ended: before the loop waits for what its streams
 * still have to send (endings), or when it is closed (hooks).
 */
struct close_hook {
    struct link link;
    void (*on_close)(struct close_hook *hook); /* must unlink and free the object */
};

/*
 * Keeps an object freed by the program until the loop is closed, or until 64 others were freed: a
 * task to be cancelled at the end of the run may still use it by mistake.
 */
void asyncp_keep_freed(struct async_loop *loop, struct close_hook *hook);

struct closing {
    struct list deferred; /* struct deferred */
    struct list endings;  /* struct close_hook */
    struct list hooks;    /* struct close_hook */
    struct list freed;    /* struct close_hook: quarantine of freed objects */
    size_t freed_count;
    struct left_hook left;
};

#endif
