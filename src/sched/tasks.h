/*
 * sched/tasks.h: the records and the stacks of a loop's tasks.
 */
#ifndef SCHED_TASKS_H
#define SCHED_TASKS_H

#include "base/pool.h"
#include "stack/stack.h"

struct tasks {
    struct pool records;      /* struct async_task: of tasks and of futures */
    struct stack_pool stacks; /* each with the coroutine at its top */
    unsigned default_log;     /* stacks have 2^default_log bytes */
    int64_t trimmed_ns;       /* when idle stacks were last given back to the kernel */
    uint64_t created;         /* tasks and futures ever: the last id */
    uint64_t ended;           /* of these, how many have ended */
    uint64_t futures;         /* of these, how many are futures that have not ended */
};

struct async_loop;

/* Opens them; stacks have that size unless a task's options say otherwise. 0; -EINVAL. */
int asyncp_tasks_open(struct async_loop *loop, size_t stack_size);

/* Frees all records, reports tasks that were lost, and unmaps all stacks. */
void asyncp_tasks_close(struct async_loop *loop);

/* Gives idle stacks back to the kernel if there are many; at most every five seconds. */
void asyncp_trim_stacks(struct async_loop *loop);

/* The number of stacks in use and idle. */
struct stack_census asyncp_loop_stacks(const struct async_loop *loop);

/* Bytes of the guard below each stack. */
size_t asyncp_guard_size(const struct async_loop *loop);

/* The id of the newest task. */
uint64_t asyncp_last_id(const struct async_loop *loop);

/* Bytes of a task's stack unless its options say otherwise. */
size_t asyncp_default_stack_size(const struct async_loop *loop);

#endif
