/*
 * test_cancel.c: async_task_cancel, async_task_uncancel and the queries about requests, call by
 * call. The rules behind them: test_semantics_cancel.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <math.h>

LOOP_TEST(cancel_of_no_task_is_false)
{
    CHECK(!async_task_cancel(NULL));
    CHECK_EQ(async_task_cancelling(NULL), 0);
    CHECK(!async_task_cancelled(NULL));
    return 0;
}

LOOP_TEST(cancel_of_a_task_that_has_ended_is_false)
{
    async_task *task = async_create_task(give, 4);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_task_done(task));
    CHECK(!async_task_cancel(task));
    CHECK_EQ(async_task_cancelling(task), 0);
    CHECK_EQ(async_await(task), 4);
    return 0;
}

static int resist(int turns)
{
    for (int i = 0; i < turns; i++)
        CHECK_EQ(async_sleep(0), -ECANCELED);
    return -ECANCELED;
}
async_fn(resist, int);

LOOP_TEST(cancel_is_true_and_counts_until_the_task_has_ended)
{
    async_task *task = async_create_task(resist, 2);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_task_cancelling(task), 2);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_task_cancelling(task), 3);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_cancel(task));
    CHECK_EQ(async_task_cancelling(task), 0);
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

LOOP_TEST(cancel_of_the_running_task_is_delivered_at_its_next_call)
{
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int turn_and_be_refused(void)
{
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    return async_sleep(0);
}
async_fn(turn_and_be_refused);

LOOP_TEST(cancel_of_a_ready_task_is_delivered_at_its_next_call)
{
    async_task *task = async_create_task(turn_and_be_refused);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

static void cancel_argument(void *task)
{
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_task_cancelling(task), 1);
}

LOOP_TEST(cancel_works_from_a_callback)
{
    async_task *task = async_create_task(forever);
    CHECK(async_call_later(3, cancel_argument, task).id != 0);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(cancelled_is_any_task_that_ended_with_ecanceled)
{
    async_task *asked = async_create_task(forever);
    async_task *on_its_own = async_create_task(give, -ECANCELED);
    async_task *failed = async_create_task(give, -ECONNRESET);
    async_task_cancel(asked);
    CHECK(!async_task_cancelled(asked));
    CHECK_EQ(
        async_gather(async_task_ref(asked), async_task_ref(on_its_own), async_task_ref(failed)),
        -ECANCELED);
    CHECK(async_task_cancelled(asked));
    CHECK(async_task_cancelled(on_its_own));
    CHECK(!async_task_cancelled(failed));
    async_task_detach(asked);
    async_task_detach(on_its_own);
    async_task_detach(failed);
    return 0;
}

LOOP_TEST(cancel_reaches_a_task_without_handles)
{
    async_task *task = async_create_task(forever);
    async_task_detach(task);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_all_tasks(NULL, 0), 2);
    CHECK(async_task_cancel(task)); /* it has not ended, so the handle can still be borrowed */
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_all_tasks(NULL, 0), 1);
    return 0;
}

DEATH_TEST(all_tasks_without_an_array_dies, "async_all_tasks: tasks is NULL, but capacity is 3")
{
    async_all_tasks(NULL, 3);
}

/* ---- misuse --------------------------------------------------------------------------------- */

/* ---- no task, and another task -------------------------------------------------------------- */

TEST(uncancel_and_cancelling_of_no_task_give_0)
{
    CHECK_EQ(async_task_uncancel(NULL), 0);
    CHECK_EQ(async_task_cancelling(NULL), 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
}

LOOP_TEST(a_request_can_be_taken_back_before_it_is_delivered)
{
    async_task *task = async_create_task(sleep_a_second);
    CHECK(async_task_cancel(task) && async_task_cancel(task));
    CHECK_EQ(async_task_uncancel(task), 1);
    CHECK_EQ(async_task_uncancel(task), 0);
    CHECK_EQ(async_task_uncancel(task), 0);
    CHECK_EQ(async_await(task), 0);
    return 0;
}

LOOP_TEST(uncancel_of_a_task_that_has_ended_and_of_a_future_gives_0)
{
    async_task *task = async_create_task(sleep_a_second);
    async_future *future = async_future_new();
    CHECK_EQ(async_wait(&task, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 1);
    CHECK_EQ(async_task_uncancel(task), 0);
    CHECK_EQ(async_task_uncancel(future), 0);
    async_task_detach(future);
    return async_await(task);
}
