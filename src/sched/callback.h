/*
 * sched/callback.h: functions called by the loop: soon, at a time, or when a task has ended. One
 * record serves all three. Its memory belongs to the loop until the loop is closed, so a stale
 * handle finds another id, not freed memory.
 */
#ifndef SCHED_CALLBACK_H
#define SCHED_CALLBACK_H

#include "base/pool.h"
#include "sched/ready.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include <asyncio/task.h>

struct callback {
    struct ready ready;
    struct timer timer;   /* set by call_later and call_at */
    struct waiter waiter; /* of a done callback: a listener of the task */
    union {
        void (*function)(void *argument);
        void (*done)(struct async_task *task, void *argument); /* if task is not NULL */
    };
    void *argument;
    struct async_task *task; /* NULL: not a done callback */
    struct locals *locals;   /* task-local values of the creator; NULL: none */
    uint64_t id;             /* of the handle; 0: cancelled, or free */
    struct async_loop *loop;
    struct pool_link free;
};

struct callbacks {
    struct pool records;  /* struct callback */
    uint64_t created;     /* the last id */
    uint64_t loop_number; /* unique in the process; part of each handle */
    bool is_running;      /* a function of the program is called */
};

void asyncp_callbacks_open(struct async_loop *loop);
void asyncp_callbacks_close(struct async_loop *loop);

#endif
