/*
 * sched/interrupt.h: the signals that end a run: SIGINT, and SIGTERM if the options ask for it. The
 * first one cancels the main task, the second one of the same number ends the process.
 */
#ifndef SCHED_INTERRUPT_H
#define SCHED_INTERRUPT_H

#include "sched/cancel.h"
#include "sched/catch.h"
#include "sched/timer.h"
#include <asyncio/run.h>

struct run_signal {
    struct signal_catch caught;
    bool is_ours;      /* the catch has begun */
    bool is_delivered; /* the main task was asked to cancel */
};

enum { RUN_SIGNALS = 2 };

struct interrupt {
    struct async_task *main_task; /* cancelled by the signals; NULL: none */
    struct run_signal signals[RUN_SIGNALS];
    struct timer limit;       /* set while a run that was interrupted must end */
    double limit_seconds;     /* the option shutdown_timeout */
    struct signal_catch quit; /* SIGQUIT, which prints all tasks */
    bool quit_is_ours;        /* its catch has begun */
    int number;               /* the signal that came first in this run; 0: none */
};

/*
 * Catches the signals of a run, if this is the main thread and they have their default action.
 * options may be NULL.
 */
void asyncp_interrupt_begin(struct async_loop *loop, const async_run_options *options);

/* Restores the previous actions. The time limit of an interrupted run stays. */
void asyncp_interrupt_end(struct async_loop *loop);

/* Removes the time limit: the run has ended, and the loop stays. */
void asyncp_interrupt_forget(struct async_loop *loop);

/* Sets the task that the signals cancel; NULL: none. */
void asyncp_interrupt_set_task(struct async_loop *loop, struct async_task *main_task);

/* Asks the main task to cancel. false: there is no such task. */
bool asyncp_interrupt_request(struct async_loop *loop, enum reason reason);

/* The first of the signals that came in this run, or in the last one; 0: none. */
int asyncp_interrupt_number(const struct async_loop *loop);

#endif
