/*
 * test_reason.c: why a task was cancelled: async_task_cancel_because and the reasons of the
 * library's own, in the words of -ECANCELED and in dumps.
 */
#include "run/coroutines.h"
#include "run/dump.h"
#include "run/runner.h"

#include <stdio.h>
#include <string.h>

/* Waits until it is refused, and checks the reason. */
static int expect(const char *words)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), words);
    return -ECANCELED;
}
async_fn(expect, const char *);

LOOP_TEST(reason_is_the_message_of_the_refusal_and_of_the_task_s_result)
{
    async_task *task = async_create_task(expect, "-ECANCELED: user 7 has left");
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "user %d has left", 7));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: user 7 has left");
    CHECK(!async_task_cancel_because(NULL, "nobody"));
    return 0;
}

LOOP_TEST(reason_is_shown_although_an_earlier_cancellation_had_another)
{
    async_task *earlier = async_create_task(expect, "-ECANCELED: the first");
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(earlier, "the first"));
    CHECK_EQ(async_await(earlier), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: the first");
    CHECK(async_task_cancel_because(async_current_task(), "the second"));
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: the second");
    async_task_uncancel(async_current_task());
    return 0;
}

LOOP_TEST(reason_is_not_given_by_async_cancel)
{
    async_task *task = async_create_task(expect, "-ECANCELED: Operation canceled");
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: Operation canceled");
    return 0;
}

LOOP_TEST(reason_travels_through_joins_however_long_the_chain)
{
    async_task *last = async_create_task(expect, "-ECANCELED: because");
    async_task *chain = last;
    for (int i = 0; i < 5; i++)
        chain = async_create_task(await_task, chain);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(chain, "because"));
    CHECK_EQ(async_await(chain), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: because");
    return 0;
}

static int await_later(async_task *task)
{
    CHECK_EQ(async_no_cancel(async_sleep(5)), 0);
    return async_await(task);
}
async_fn(await_later, async_task *);

LOOP_TEST(reason_of_a_cancelled_future_reaches_the_awaiting_task)
{
    async_future *future = async_future_new();
    async_task *task = async_create_task(await_task, async_task_ref(future));
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(future, "the connection is gone"));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: the connection is gone");
    CHECK_EQ(async_await(future), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: the connection is gone");
    return 0;
}

LOOP_TEST(reason_reaches_a_task_that_is_joined_later)
{
    async_task *child = async_create_task(expect, "-ECANCELED: because");
    async_task *task = async_create_task(await_later, child);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "because"));
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

LOOP_TEST(reason_of_the_last_request_counts_but_a_request_without_one_takes_none_away)
{
    async_task *task = async_create_task(expect, "-ECANCELED: the second");
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "the first"));
    CHECK(async_task_cancel_because(task, "the second"));
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

static int answer_and_expect_none(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: because");
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: Operation canceled");
    return -ECANCELED;
}
async_fn(answer_and_expect_none);

LOOP_TEST(reason_is_gone_after_uncancel)
{
    async_task *task = async_create_task(answer_and_expect_none);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "because"));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: Operation canceled");
    return 0;
}

static int say_goodbye_too_slowly(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_timeout(1, async_sleep(5))), -ETIMEDOUT);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: because");
    return -ECANCELED;
}
async_fn(say_goodbye_too_slowly);

LOOP_TEST(reason_outlives_a_timeout_under_a_shield)
{
    async_task *task = async_create_task(say_goodbye_too_slowly);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "because"));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: because");
    return 0;
}

LOOP_TEST(reason_of_a_timeout_under_a_shield_is_not_the_request_s)
{
    async_task_cancel(async_current_task());
    CHECK_EQ(async_no_cancel(async_timeout(1, async_sleep(5))), -ETIMEDOUT);
    CHECK_EQ(expect("-ECANCELED: Operation canceled"), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int answer_once_in_a_shield(void)
{
    CHECK_EQ(async_sleep(2), 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 1);
    return 0;
}

static int answer_one_of_two(void)
{
    CHECK_EQ(async_no_cancel(answer_once_in_a_shield()), 0);
    return expect("-ECANCELED: because");
}
async_fn(answer_one_of_two);

LOOP_TEST(reason_under_a_shield_stays_until_every_request_is_answered)
{
    async_task *task = async_create_task(answer_one_of_two);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "because"));
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

static int speak_for_oneself(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    return async_fail(-ECANCELED, "in my own words");
}
async_fn(speak_for_oneself);

LOOP_TEST(reason_gives_way_to_the_message_of_the_task)
{
    async_task *task = async_create_task(speak_for_oneself);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel_because(task, "because"));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: in my own words");
    return 0;
}

LOOP_TEST(reason_without_memory_is_still_a_request)
{
    async_task *task = async_create_task(expect, "-ECANCELED: Operation canceled");
    CHECK_EQ(async_sleep(1), 0);
    test_allow_allocations(0);
    CHECK(async_task_cancel_because(task, "because"));
    CHECK(async_task_cancel_because(task, NULL));
    test_allow_allocations(-1);
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

LOOP_TEST(reason_of_a_timeout_names_it_and_is_gone_at_its_end)
{
    CHECK_EQ(async_timeout(1, expect("-ECANCELED: a time limit ran out")), -ETIMEDOUT);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: Operation canceled");
    CHECK_EQ(async_wait_for(async_create_task(expect, "-ECANCELED: a time limit ran out"), 1),
             -ETIMEDOUT);
    return 0;
}

LOOP_TEST(reason_of_a_group_names_it)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, expect, "-ECANCELED: its group was left or cancelled");
    CHECK_EQ(async_sleep(1), 0);
    async_group_cancel(&group);
    CHECK_EQ(async_sleep(1), 0);
    async_group_create_task(&group, expect, "-ECANCELED: a task of its group failed");
    async_group_create_task(&group, give, -EIO);
    CHECK_EQ(expect("-ECANCELED: a task of its group failed"), -ECANCELED);
    CHECK_EQ(async_group_wait(&group), -EIO);
    return 0;
}

LOOP_TEST(reason_of_the_end_of_the_run_names_it)
{
    async_task_detach(async_create_task(expect, "-ECANCELED: the run has ended"));
    return async_sleep(1);
}

static int fail_then_clean_up(void)
{
    async_task *child = async_create_task(forever);
    async_ignore(async_sleep(0));
    async_ignore(async_fail(-EIO, "the disk is gone"));
    async_ignore(async_timeout(1, async_await(child)));
    return -EIO;
}
async_fn(fail_then_clean_up);

LOOP_TEST(reason_of_the_library_replaces_no_message)
{
    CHECK_EQ(async_await(async_create_task(fail_then_clean_up)), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: the disk is gone");
    return 0;
}

static int in_shield(void)
{
    return async_no_cancel(async_sleep(5));
}
async_fn(in_shield);

static int linger(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_sleep(5)), 0);
    return 0;
}
async_fn(linger);

/* A request to a task under a shield is pending and not delivered, so the dump does not show it. */
LOOP_TEST(reason_is_shown_by_async_dump)
{
    async_task *task = async_create_task(expect, "-ECANCELED: user 7 has left");
    async_task *joins = async_create_task(await_task, async_create_task(linger));
    CHECK_EQ(async_sleep(1), 0);
    async_task_cancel_because(joins, "user %d has left", 7);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(strstr(dump_now().text, "cancel requests: 1, reason: user 7 has left") != NULL);
    async_task_cancel_because(task, "user 7 has left");
    CHECK_EQ(async_gather(joins, task), -ECANCELED);
    CHECK_EQ(async_await(async_create_task(in_shield)), 0);
    return 0;
}
