/*
 * coroutines.h: coroutines that many tests create tasks of, and the small steps that their main
 * tasks take: to let others run, and to be cancelled after a while.
 */
#ifndef TEST_COROUTINES_H
#define TEST_COROUTINES_H

#include "run/runner.h"

#include <math.h>
#include <signal.h>

ASYNC_UNUSED static int give(int result)
{
    return result;
}
async_fn(give, int);

ASYNC_UNUSED static int give_after(double seconds, int result)
{
    ASYNC_TRY(async_sleep(seconds));
    return result;
}
async_fn(give_after, double, int);

ASYNC_UNUSED static int forever(void)
{
    return async_sleep(INFINITY);
}
async_fn(forever);

ASYNC_UNUSED static int nothing(void)
{
    return 0;
}
async_fn(nothing);

/* Must be cancelled; returns the result nevertheless. */
ASYNC_UNUSED static int give_when_cancelled(int result)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    return result;
}
async_fn(give_when_cancelled, int);

/* Must be cancelled once; answers the request and sleeps on. */
ASYNC_UNUSED static int sleep_despite_cancel(void)
{
    CHECK_EQ(async_sleep(9), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_sleep(9);
}
async_fn(sleep_despite_cancel);

ASYNC_UNUSED static int await_task(async_task *task)
{
    return async_await(task);
}
async_fn(await_task, async_task *);

/* Counts its turns until *turns is negative. */
ASYNC_UNUSED static int count_turns(int *turns)
{
    while (*turns >= 0) {
        ++*turns;
        CHECK_EQ(async_sleep(0), 0);
    }
    return 0;
}
async_fn(count_turns, int *);

ASYNC_UNUSED static int set_flag(bool *flag)
{
    *flag = true;
    return 0;
}
async_fn(set_flag, bool *);

ASYNC_UNUSED static int fail_with_message(const char *message)
{
    return async_fail(-EIO, "%s", message);
}
async_fn(fail_with_message, const char *);

ASYNC_UNUSED static int wait_readable(int fd)
{
    return async_wait_readable(fd);
}
async_fn(wait_readable, int);

/* Interrupts the process, and waits until that cancels it. */
ASYNC_UNUSED static int interrupt_and_wait(void)
{
    raise(SIGINT);
    return async_sleep(INFINITY);
}
async_fn(interrupt_and_wait);

/* ---- steps of a main task ------------------------------------------------------------------- */

/* Lets the others run for a second of virtual time: they end, or wait for something else. */
ASYNC_UNUSED static void settle(void)
{
    CHECK_EQ(async_sleep(1), 0);
}

/* Lets the others have so many turns. */
ASYNC_UNUSED static int turns(int count)
{
    for (; count > 0; count--)
        CHECK_EQ(async_sleep(0), 0);
    return 0;
}

/* The calling task is not cancelled: no request is pending, and it can wait. */
ASYNC_UNUSED static int check_not_cancelled(void)
{
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    return async_sleep(1000);
}

ASYNC_UNUSED static async_run_options with_debug(void)
{
    async_run_options options = *test_options();
    options.debug = true;
    return options;
}

ASYNC_UNUSED static int sleep_a_second(void)
{
    return async_sleep(1);
}
async_fn(sleep_a_second);

#endif
