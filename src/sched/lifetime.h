/* sched/lifetime.h: debug mode, and its checks: see lifetime.c. */
#ifndef SCHED_LIFETIME_H
#define SCHED_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;
struct coroutine;

/*
 * Checks the waits of some tasks, others at each call. A wait for something in a returned frame is
 * misuse; a wait for a descriptor that is not open is reported and ends with -EBADF.
 */
void asyncp_check_waits(struct async_loop *loop);

/* Whether tasks wait and none of them sleeps on purpose, for a loop in which nothing is pending. */
bool asyncp_is_stuck(struct async_loop *loop);

/* Reports the deadlock, with all tasks and the objects of their waits. */
void asyncp_report_standstill(const struct async_loop *loop);

/* Reports an argument of the new task if it points into a returned frame. */
void asyncp_check_arguments(const struct async_loop *loop, const struct coroutine *self);

struct debug_mode {
    bool enabled;
    bool watches_stops;         /* enabled, or the loop is traced */
    bool instrumented;          /* enabled, or under valgrind: stacks are marked undefined */
    bool standstill_reported;   /* the deadlock was reported */
    int64_t slow_ns;            /* longer turns are reported */
    struct async_task *checked; /* the last task checked; NULL: start again */
};

#endif
