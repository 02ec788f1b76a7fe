/* sched/lifetime.h: debug mode, and its checks: see lifetime.c. */
#ifndef SCHED_LIFETIME_H
#define SCHED_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;
struct async_task;
struct coroutine;
struct ended_tasks;
struct file_wait;
struct known_calls;

/*
 * Checks the waits of some tasks, others at each call. A wait for something in a returned frame is
 * misuse; a wait for a descriptor that is not open, or has another file by now, is reported and
 * ends with -EBADF.
 */
void asyncp_check_waits(struct async_loop *loop);

/* For the begin of a wait for a descriptor. */
void asyncp_note_file(struct file_wait *wait);

/* Reports an argument of the new task, which calls `called`, if it points into a returned frame. */
void asyncp_check_arguments(struct async_loop *loop, const struct coroutine *self,
                            const void *called);

struct debug_mode {
    bool enabled;
    bool watches_stops;         /* enabled, or the loop is traced */
    uint8_t reports;            /* it writes reports: see loop_report_begins */
    bool instrumented;          /* enabled, or under valgrind: stacks are marked undefined */
    int64_t slow_ns;            /* longer turns are reported */
    struct async_task *checked; /* the last task checked; NULL: start again */
    struct ended_tasks *ended;  /* NULL: none yet */
    struct known_calls *known;  /* NULL: none yet */
    int64_t looked_ns;          /* so long it has looked for frames: no task has held the loop */
    uint64_t ignores;           /* a task: see loop_note_refusals; 0: none */
};

#endif
