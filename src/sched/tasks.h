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

#endif
