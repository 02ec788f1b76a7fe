/*
 * loop/loop.h: making, iterating and ending loops.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "sched/sched.h"

/* Makes a loop and binds it to this thread; foreign: it will be stepped. 0 or -errno. */
int asyncp_loop_open(struct async_loop **out, const async_run_options *options, bool foreign,
                     const struct loop_hooks *hooks);

/* Cancels what is left, waits for it, and frees the loop. */
void asyncp_loop_finish(struct async_loop *loop);

/*
 * One iteration: waits at most most_ns for something to do (negative: as long as it takes), then
 * runs it.
 */
void asyncp_iterate(struct async_loop *loop, int64_t most_ns);

/*
 * How long nothing will happen by itself: 0 if something is ready, negative if only the kernel can
 * tell.
 */
int64_t asyncp_idle_ns(const struct async_loop *loop);

/*
 * Iterates until the task has ended, if it is not NULL, or until the loop is stopped, or was
 * inherited meanwhile.
 */
void asyncp_loop_run(struct async_loop *loop, const struct async_task *task);

/* Dies unless this thread's loop is between two iterations, and was made by this process. */
void asyncp_check_outside(const struct async_loop *loop, const char *call);

/* The same for a call that closes it, which may be inherited. */
void asyncp_check_closing(const struct async_loop *loop, const char *call);

/* Sets debug mode for a new loop. */
void asyncp_debug_open(struct async_loop *loop, bool enabled);

#endif
