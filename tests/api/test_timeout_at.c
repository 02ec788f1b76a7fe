/*
 * test_timeout_at.c: time limits that end at a time rather than after one, and limits that are
 * asked about and moved while they are in force.
 */
#include "run/coroutines.h"
#include "run/runner.h"

LOOP_TEST(timeout_at_runs_out_at_that_time)
{
    CHECK_EQ(async_sleep(3), 0);
    CHECK_EQ(async_timeout_at(5, give_after(9, 7)), -ETIMEDOUT);
    CHECK(async_time() == 5);
    CHECK_EQ(async_timeout_at(8, give_after(2, 7)), 7);
    CHECK_EQ(async_timeout_at(ASYNC_FOREVER, give_after(2, 7)), 7);
    return 0;
}

LOOP_TEST(timeout_at_a_time_that_has_passed_has_run_out_at_once)
{
    CHECK_EQ(async_timeout_at(0, give_after(1, 7)), -ETIMEDOUT);
    CHECK_EQ(async_sleep(3), 0);
    CHECK_EQ(async_timeout_at(2, give_after(1, 7)), -ETIMEDOUT);
    CHECK_EQ(async_timeout_at(-ASYNC_FOREVER, give_after(1, 7)), -ETIMEDOUT);
    CHECK_EQ(async_timeout_at(NAN, give_after(1, 7)), -EINVAL);
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(timeout_when_is_the_time_at_which_it_runs_out)
{
    async_timeout_scope scope;
    CHECK_EQ(async_sleep(3), 0);
    async_timeout_begin(&scope, 2);
    CHECK(async_timeout_when(&scope) == 5);
    CHECK(!async_timeout_expired(&scope));
    CHECK_EQ(async_sleep(9), -ECANCELED);
    CHECK(async_timeout_expired(&scope));
    CHECK_EQ(async_timeout_end(&scope, -EIO), -ETIMEDOUT);
    CHECK(async_timeout_when(&scope) == 5 && async_timeout_expired(&scope));
    async_timeout_begin(&scope, ASYNC_FOREVER);
    CHECK(async_timeout_when(&scope) == ASYNC_FOREVER && !async_timeout_expired(&scope));
    return async_timeout_end(&scope, 0);
}

LOOP_TEST(timeout_that_is_rescheduled_runs_out_then_and_not_before)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 2);
    CHECK_EQ(async_timeout_reschedule(&scope, 6), 0);
    CHECK(async_timeout_when(&scope) == 6);
    CHECK_EQ(async_sleep(4), 0);
    CHECK_EQ(async_timeout_reschedule(&scope, ASYNC_FOREVER), 0);
    CHECK_EQ(async_sleep(10), 0);
    CHECK_EQ(async_timeout_reschedule(&scope, 20), 0);
    CHECK_EQ(async_sleep(10), -ECANCELED);
    CHECK(async_time() == 20);
    return async_timeout_end(&scope, -ECANCELED) == -ETIMEDOUT ? 0 : -EPROTO;
}

LOOP_TEST(timeout_that_is_rescheduled_to_the_past_runs_out_at_once)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 2);
    CHECK_EQ(async_timeout_reschedule(&scope, 0), 0);
    CHECK(async_timeout_expired(&scope));
    CHECK_EQ(async_sleep(1), -ECANCELED);
    return async_timeout_end(&scope, -ECANCELED) == -ETIMEDOUT ? 0 : -EPROTO;
}

static void move_to_one(void *scope)
{
    CHECK_EQ(async_timeout_reschedule(scope, async_time()), 0);
}

LOOP_TEST(timeout_that_a_callback_moves_to_now_ends_the_call_inside)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    CHECK(async_call_later(1, move_to_one, &scope).id != 0);
    CHECK_EQ(async_sleep(9), -ECANCELED);
    CHECK(async_time() == 1);
    return async_timeout_end(&scope, -ECANCELED) == -ETIMEDOUT ? 0 : -EPROTO;
}

LOOP_TEST(timeout_that_has_run_out_or_ended_cannot_be_rescheduled)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 0);
    CHECK_EQ(async_timeout_reschedule(&scope, 5), -EALREADY);
    CHECK_EQ(async_timeout_end(&scope, 7), 7);
    async_timeout_begin(&scope, 5);
    CHECK_EQ(async_timeout_reschedule(&scope, NAN), -EINVAL);
    CHECK_EQ(async_timeout_end(&scope, 7), 7);
    CHECK_EQ(async_timeout_reschedule(&scope, 5), -EALREADY);
    CHECK(!async_timeout_expired(&scope));
    return 0;
}

LOOP_TEST(timeout_for_which_there_was_no_memory_has_not_expired)
{
    async_timeout_scope scopes[100];
    int count = 0;
    test_allow_allocations(0);
    do
        async_timeout_at_begin(&scopes[count], 1000);
    while (async_task_cancelling(async_current_task()) == 0 && async_sleep(0) == 0 && ++count < 99);
    test_allow_allocations(-1);
    CHECK(!async_timeout_expired(&scopes[count]));
    CHECK_EQ(async_timeout_end(&scopes[count], -EIO), count < 99 ? -ENOMEM : -EIO);
    while (count-- > 0)
        CHECK_EQ(async_timeout_end(&scopes[count], 0), 0);
    return 0;
}
