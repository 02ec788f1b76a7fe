/* sched/tasks.h: the records and the stacks of the tasks of a loop. */
#ifndef SCHED_TASKS_H
#define SCHED_TASKS_H

#include "base/pool.h"
#include "stack/stack.h"

struct tasks {
    struct pool records;      /* struct async_task: tasks and futures */
    struct stack_pool stacks; /* each with a coroutine at its top */
    unsigned default_log;     /* the default size of a stack is 2^default_log bytes */
    int64_t trimmed_ns;       /* the last trim of idle stacks */
    uint64_t created;         /* tasks and futures: the last id */
    uint64_t ended;           /* tasks and futures */
    uint64_t futures;         /* futures not yet ended */
};

struct async_loop;

/* Opens the room. stack_size: of tasks without options. 0 or -EINVAL. */
int asyncp_tasks_open(struct async_loop *loop, size_t stack_size);

/* Frees all records, reports tasks that were never awaited, and unmaps all stacks. */
void asyncp_tasks_close(struct async_loop *loop);

/* Returns idle stacks to the kernel if there are many, at most every five seconds. */
void asyncp_trim_stacks(struct async_loop *loop);

/* The number of stacks in use and idle. */
struct stack_counts asyncp_loop_stacks(const struct async_loop *loop);

/* The size of the guard below each stack. */
size_t asyncp_guard_size(const struct async_loop *loop);

/* Whether an address is in the stack of a task, its guard included, or in one that is free. */
bool asyncp_is_in_stack(const struct async_loop *loop, const void *address);

/* The id of the newest task. */
uint64_t asyncp_last_id(const struct async_loop *loop);

/* The size of a stack unless the options of the task set another one. */
size_t asyncp_default_stack_size(const struct async_loop *loop);

#endif
