/*
 * sched/callback.h: functions that the loop calls: soon, at a time, or when a task has ended. One
 * record serves all three; it lies in memory that stays the loop's, so that a handle used late
 * finds another id, not garbage.
 */
#ifndef SCHED_CALLBACK_H
#define SCHED_CALLBACK_H

#include "base/pool.h"
#include "sched/ready.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include <asyncio/task.h>

struct callback {
    struct ready ready;   /* in the ready queue, when it is to be called soon */
    struct timer timer;   /* set, when it is to be called later */
    struct waiter waiter; /* a listener of a task, when it is to be called at its end */
    union {
        void (*function)(void *argument);                      /* to call, without a task */
        void (*done)(struct async_task *task, void *argument); /* to call, with one */
    };
    void *argument;          /* to call it with */
    struct async_task *task; /* whose end it is about; NULL: none */
    struct locals *locals;   /* task-local values of whoever asked for it; NULL: none */
    uint64_t id;             /* the handle's; 0: taken back, or free */
    struct async_loop *loop; /* whose it is */
    struct pool_link free;   /* in the pool, when it is free */
};

struct callbacks {
    struct pool records;  /* struct callback */
    uint64_t created;     /* callbacks ever: the last id */
    uint64_t loop_number; /* of this loop among all of the process: part of a handle */
};

void asyncp_callbacks_open(struct async_loop *loop);
void asyncp_callbacks_close(struct async_loop *loop);

#endif
