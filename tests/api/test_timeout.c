/*
 * test_timeout.c: async_timeout and async_no_cancel, as expressions and as begin and end: how a
 * limit ends the calls inside it, the result, and how limits, shields and requests to cancel nest.
 */
#include "run/trace.h"
#include "run/queues.h"
#include "run/callbacks.h"
#include "run/coroutines.h"

#include <limits.h>
#include <math.h>

/* ---- one limit ------------------------------------------------------------------------------ */

LOOP_TEST(timeout_that_is_not_reached_gives_the_call_s_own_result)
{
    CHECK_EQ(async_timeout(5, give_after(4, 7)), 7);
    CHECK_EQ(async_timeout(5, give_after(4, -EIO)), -EIO);
    CHECK_EQ(async_timeout(5, give_after(4, -ECANCELED)), -ECANCELED);
    CHECK(async_time() == 12);
    return check_not_cancelled();
}

LOOP_TEST(timeout_that_is_reached_refuses_the_call)
{
    CHECK_EQ(async_timeout(5, give_after(6, 7)), -ETIMEDOUT);
    CHECK(async_time() == 5);
    return check_not_cancelled();
}

static int try_thrice(void)
{
    CHECK_EQ(async_sleep(10), -ECANCELED);
    CHECK_EQ(async_sleep(0), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()),
             0); /* takes back a request; none is pending */
    return async_sleep(10);
}

LOOP_TEST(timeout_that_is_reached_refuses_every_call_until_its_end)
{
    CHECK_EQ(async_timeout(5, try_thrice()), -ETIMEDOUT);
    CHECK(async_time() == 5);
    return check_not_cancelled();
}

LOOP_TEST(timeout_that_is_reached_keeps_a_result_that_is_no_error)
{
    CHECK_EQ(async_timeout(5, give_when_cancelled(0)), 0);
    CHECK_EQ(async_timeout(5, give_when_cancelled(9)), 9);
    return check_not_cancelled();
}

LOOP_TEST(timeout_that_is_reached_stands_for_any_error)
{
    CHECK_EQ(async_timeout(5, give_when_cancelled(-EIO)), -ETIMEDOUT);
    return check_not_cancelled();
}

LOOP_TEST(timeout_that_is_reached_is_no_cancel_request)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    CHECK_EQ(async_sleep(10), -ECANCELED);
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    CHECK_EQ(async_timeout_end(&scope, 0), 0);
    return check_not_cancelled();
}

LOOP_TEST(timeout_of_nothing_has_run_out_at_once)
{
    static const double limits[] = {0, -0.0, -1, -INFINITY};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        CHECK_EQ(async_timeout(limits[i], give_after(1, 7)), -ETIMEDOUT);
        CHECK_EQ(async_timeout(limits[i], give_after(0, 7)), -ETIMEDOUT);
        CHECK_EQ(async_timeout(limits[i], give(7)), 7);
    }
    CHECK(async_time() == 0);
    return check_not_cancelled();
}

LOOP_TEST(timeout_of_not_a_number_is_an_error)
{
    CHECK_EQ(async_timeout(NAN, give_after(1, 7)), -EINVAL);
    CHECK(async_time() == 0);
    return check_not_cancelled();
}

LOOP_TEST(timeout_without_end_never_runs_out)
{
    CHECK_EQ(async_timeout(INFINITY, give_after(1e9, 7)), 7);
    CHECK_EQ(async_timeout(1e300, give_after(1e9, 7)), 7);
    return check_not_cancelled();
}

LOOP_TEST(timeout_that_ended_in_time_does_not_fire_later)
{
    CHECK_EQ(async_timeout(5, give_after(1, 7)), 7);
    CHECK_EQ(async_sleep(100), 0);
    return check_not_cancelled();
}

LOOP_TEST(timeout_of_a_call_that_ends_at_the_limit_fires_because_it_was_set_first)
{
    CHECK_EQ(async_timeout(5, give_after(5, 7)), -ETIMEDOUT);
    return check_not_cancelled();
}

static void put_seven(void *queue)
{
    CHECK_EQ(async_queue_put_nowait((async_queue *)queue, &(int){7}), 0);
}

/* The clock is read first, then callbacks run; so the limit comes first though it was set last. */
LOOP_TEST(timeout_that_is_reached_first_takes_no_item)
{
    async_auto_queue *queue = new_queue(0, sizeof(int));
    async_call_later(5, put_seven, queue);
    CHECK_EQ(async_timeout(5, get_item(queue)), -ETIMEDOUT);
    CHECK_EQ(async_queue_qsize(queue), 1);
    CHECK_EQ(async_timeout(5, get_item(queue)), 7);
    return check_not_cancelled();
}

LOOP_TEST(timeout_does_not_reach_tasks_that_were_created_inside_it)
{
    async_task *child = NULL;
    CHECK_EQ(async_timeout(5, (child = async_create_task(give_after, 8, 7)) != NULL ? async_sleep(9)
                                                                                    : 0),
             -ETIMEDOUT);
    CHECK_EQ(async_task_cancelling(child), 0);
    CHECK_EQ(async_await(child), 7);
    return check_not_cancelled();
}

/* ---- limits and requests -------------------------------------------------------------------- */

LOOP_TEST(cancellation_inside_a_limit_stays_a_cancellation)
{
    cancel_self_after(1);
    CHECK_EQ(async_timeout(5, give_after(9, 7)), -ECANCELED);
    CHECK(async_time() == 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

LOOP_TEST(cancellation_after_the_limit_was_reached_stays_a_cancellation)
{
    cancel_self_after(6);
    CHECK_EQ(async_timeout(5, async_no_cancel(async_sleep(7)) == 0 ? async_sleep(1) : 0),
             -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

LOOP_TEST(cancellation_that_is_answered_inside_leaves_the_limit_in_force)
{
    cancel_self_after(1);
    CHECK_EQ(async_timeout(5, sleep_despite_cancel()), -ETIMEDOUT);
    CHECK(async_time() == 5);
    return check_not_cancelled();
}

LOOP_TEST(cancellation_before_the_limit_was_set_is_delivered_inside)
{
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_timeout(5, async_sleep(1)), -ECANCELED);
    CHECK_EQ(async_timeout(0, async_sleep(1)), -ECANCELED);
    CHECK(async_time() == 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

/* ---- limits inside limits ------------------------------------------------------------------- */

/* Sleeps too long inside a second limit; stores the result of that limit in *result. */
static int limited_to(double seconds, int *result)
{
    *result = async_timeout(seconds, async_sleep(100));
    return *result;
}

LOOP_TEST(timeout_inside_a_longer_one_runs_out_alone)
{
    int inner;
    CHECK_EQ(async_timeout(5, limited_to(3, &inner) == -ETIMEDOUT ? give_after(1, 8) : -EIO), 8);
    CHECK_EQ(inner, -ETIMEDOUT);
    CHECK(async_time() == 4);
    return check_not_cancelled();
}

LOOP_TEST(timeout_inside_one_that_runs_out_is_cancelled)
{
    int inner;
    CHECK_EQ(async_timeout(3, limited_to(5, &inner)), -ETIMEDOUT);
    CHECK_EQ(inner, -ECANCELED);
    CHECK(async_time() == 3);
    return check_not_cancelled();
}

LOOP_TEST(timeout_inside_one_that_runs_out_at_the_same_time_is_cancelled)
{
    int inner;
    CHECK_EQ(async_timeout(3, limited_to(3, &inner)), -ETIMEDOUT);
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(async_timeout(0, limited_to(0, &inner)), -ETIMEDOUT);
    CHECK_EQ(inner, -ECANCELED);
    return check_not_cancelled();
}

static int slow_to_react(int *inner)
{
    *inner = async_timeout(2, async_no_cancel(async_sleep(6)) == 0 ? async_sleep(1) : 0);
    return *inner;
}

LOOP_TEST(timeout_whose_outer_one_has_run_out_meanwhile_is_cancelled)
{
    int inner;
    CHECK_EQ(async_timeout(5, slow_to_react(&inner)), -ETIMEDOUT);
    CHECK_EQ(inner, -ECANCELED);
    CHECK(async_time() == 6);
    return check_not_cancelled();
}

LOOP_TEST(timeouts_one_after_the_other_are_independent)
{
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(async_timeout(2, give_after(1, 0)), 0);
        CHECK_EQ(async_timeout(1, give_after(2, 0)), -ETIMEDOUT);
    }
    CHECK(async_time() == 200);
    return check_not_cancelled();
}

/* ---- shields --------------------------------------------------------------------------------- */

LOOP_TEST(shield_gives_the_call_s_own_result)
{
    CHECK_EQ(async_no_cancel(give_after(1, 7)), 7);
    CHECK_EQ(async_no_cancel(give_after(1, -EIO)), -EIO);
    return check_not_cancelled();
}

LOOP_TEST(shield_holds_off_a_request_made_before_and_one_made_during)
{
    CHECK(async_task_cancel(async_current_task()));
    cancel_self_after(1);
    CHECK_EQ(async_no_cancel(give_after(2, 7)), 7);
    CHECK(async_time() == 2);
    CHECK_EQ(async_task_cancelling(async_current_task()), 2);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK(async_task_uncancel(async_current_task()) == 1 &&
          async_task_uncancel(async_current_task()) == 0);
    return check_not_cancelled();
}

LOOP_TEST(shield_inside_a_limit_holds_off_the_limit)
{
    CHECK_EQ(async_timeout(1, async_no_cancel(give_after(2, 7))), 7);
    CHECK(async_time() == 2);
    CHECK_EQ(async_timeout(1, async_no_cancel(give_after(2, 7)) == 7 ? async_sleep(1) : 0),
             -ETIMEDOUT);
    CHECK(async_time() == 4);
    return check_not_cancelled();
}

LOOP_TEST(limits_inside_a_shield_work)
{
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_no_cancel(async_timeout(1, give_after(2, 7))), -ETIMEDOUT);
    CHECK_EQ(async_no_cancel(async_timeout(3, give_after(2, 7))), 7);
    CHECK(async_time() == 3);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

static int limited_goodbye(void)
{
    CHECK_EQ(async_sleep(9), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_timeout(2, async_sleep(9))), -ETIMEDOUT);
    return async_sleep(9);
}

LOOP_TEST(limits_inside_a_shield_inside_a_limit_are_distinguished)
{
    CHECK_EQ(async_timeout(1, limited_goodbye()), -ETIMEDOUT);
    CHECK(async_time() == 3);
    return check_not_cancelled();
}

LOOP_TEST(shield_inside_a_shield_ends_alone)
{
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_no_cancel(async_no_cancel(give_after(1, 7)) == 7 ? give_after(1, 8) : -EIO), 8);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

static int answer_in_shield(void)
{
    ASYNC_TRY(async_sleep(1));
    return async_task_uncancel(async_current_task());
}

LOOP_TEST(a_request_can_be_answered_under_a_shield)
{
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_no_cancel(answer_in_shield()), 0);
    return check_not_cancelled();
}

/* ---- begin and end -------------------------------------------------------------------------- */

LOOP_TEST(begin_and_end_of_a_limit_give_the_result_of_the_expression)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 2);
    CHECK_EQ(async_timeout_end(&scope, give_after(1, 7)), 7);
    async_timeout_begin(&scope, 2);
    CHECK_EQ(async_timeout_end(&scope, give_after(3, 7)), -ETIMEDOUT);
    async_timeout_begin(&scope, NAN);
    CHECK_EQ(async_timeout_end(&scope, give_after(3, 7)), -EINVAL);
    return check_not_cancelled();
}

LOOP_TEST(begin_and_end_of_a_shield_hold_off_a_request)
{
    async_no_cancel_scope outer, inner;
    CHECK(async_task_cancel(async_current_task()));
    async_no_cancel_begin(&outer);
    CHECK_EQ(async_sleep(1), 0);
    async_no_cancel_begin(&inner);
    async_no_cancel_end(&inner);
    CHECK_EQ(async_sleep(1), 0);
    async_no_cancel_end(&outer);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

/* ---- results that are no int ----------------------------------------------------------------- */

#if LONG_MAX > INT_MAX
static int limit_a_long(void)
{
    return async_timeout(5, (long)INT_MAX + 1);
}
async_fn(limit_a_long);

DEATH_TEST(timeout_of_a_result_that_is_no_int_dies,
           "async_timeout: the result 2147483648 is no int; store it in a variable inside the call")
{
    async_ignore(async_run(limit_a_long));
}
#endif
