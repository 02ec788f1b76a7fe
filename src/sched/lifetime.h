/*
 * sched/lifetime.h: what debug mode looks for in the memory of tasks: see lifetime.c.
 */
#ifndef SCHED_LIFETIME_H
#define SCHED_LIFETIME_H

#include <stdint.h>
#include <stdbool.h>

struct async_loop;
struct coroutine;

/*
 * Dies with a sentence if a task waits for something in a frame that was left; ends waits for
 * descriptors that are not open, with a report. Looks at some tasks at each call.
 */
void asyncp_check_waits(struct async_loop *loop);

/*
 * Whether tasks wait, and none of them is to sleep for ever; for a loop in which nothing will
 * happen by itself.
 */
bool asyncp_stands_still(struct async_loop *loop);

/* Reports that nothing is left that could wake a task, with all tasks and what they wait for. */
void asyncp_tell_standstill(const struct async_loop *loop);

/* Reports an argument of a task that is about to begin if it points into a frame that was left. */
void asyncp_check_arguments(const struct async_loop *loop, const struct coroutine *self);

struct debug_mode {
    bool enabled;               /* say more, check more */
    bool instrumented;          /* in debug mode or under valgrind: stacks are marked */
    bool told_standstill;       /* said once that nothing can wake a task */
    int64_t slow_ns;            /* a turn that takes as long is reported */
    struct async_task *checked; /* the last whose wait was checked; NULL: start again */
};

#endif
