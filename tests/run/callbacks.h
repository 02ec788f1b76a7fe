/*
 * callbacks.h: callbacks that many tests give to async_call_soon, async_call_later and
 * async_call_soon_threadsafe. Each works on its argument.
 */
#ifndef TEST_CALLBACKS_H
#define TEST_CALLBACKS_H

#include "run/runner.h"

/* A task that has not ended. */
ASYNC_UNUSED static void cancel_callback(void *task)
{
    CHECK(async_task_cancel(task));
}

/* The calling task. */
ASYNC_UNUSED static void cancel_self_after(double seconds)
{
    CHECK(async_call_later(seconds, cancel_callback, async_current_task()).id != 0);
}

/* An async_event. */
ASYNC_UNUSED static void set_event_callback(void *event)
{
    async_event_set(event);
}

/* A bool. */
ASYNC_UNUSED static void set_flag_callback(void *flag)
{
    *(bool *)flag = true;
}

/* An int, which counts the calls. */
ASYNC_UNUSED static void count_callback(void *count)
{
    ++*(int *)count;
}

/* An exception handler: an error that was never retrieved is a failure of the test. */
ASYNC_UNUSED static void fail_on_exception(async_loop *loop, const async_exception_context *error,
                                           void *unused)
{
    (void)loop, (void)unused;
    test_fail(__FILE__, __LINE__, "%s", async_strerror(error->code));
}

#endif
