/* loop/loop.h: opening, iterating and closing loops. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "loop/fork.h"
#include "sched/sched.h"

/*
 * Opens a loop and makes it the current one of this thread. hosted: a host loop will step it. 0 or
 * -errno.
 */
int asyncp_loop_open(struct async_loop **out, const async_run_options *options, bool hosted,
                     const struct loop_hooks *hooks);

/*
 * Cancels the remaining tasks, waits for them, and frees the loop. false: output of a standard
 * stream was lost, which was reported.
 */
bool asyncp_loop_finish(struct async_loop *loop);

/*
 * One iteration: waits for events, at most max_ns (negative: without limit), and runs the ready
 * tasks and callbacks.
 */
void asyncp_iterate(struct async_loop *loop, int64_t max_ns);

/*
 * The time until the loop has work without an event: 0 if something is ready, negative if no timer
 * is set.
 */
int64_t asyncp_idle_ns(const struct async_loop *loop);

/*
 * Iterates until the task (may be NULL) has ended, the loop is stopped, or this process is a child
 * with an inherited loop.
 */
void asyncp_loop_run(struct async_loop *loop, const struct async_task *task);

/*
 * Reports misuse unless the loop is the current one, was opened by this process, and is not
 * iterating.
 */
void asyncp_check_outside(const struct async_loop *loop, const char *call);

/* The same for a call that closes the loop; it may be inherited. */
void asyncp_check_closing(const struct async_loop *loop, const char *call);

/* Opens debug mode. */
void asyncp_debug_open(struct async_loop *loop, bool enabled);

#endif
