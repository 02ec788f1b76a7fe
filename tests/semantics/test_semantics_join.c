/*
 * test_semantics_join.c: joins, which are async_await and async_gather: they pass a request to
 * cancel on to the tasks they join, they never return before those have ended, and they return
 * their results.
 */
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/callbacks.h"

#include <math.h>
#include <stdlib.h>

/* Once cancelled, it takes its time to clean up, and then returns its result. */
static int end_slowly(double goodbye, int result)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_sleep(goodbye)), 0);
    note("goodbye%g", goodbye);
    return result;
}
async_fn(end_slowly, double, int);

static int await_it(async_task *task)
{
    int result = async_await(task);
    note("joined");
    return result;
}
async_fn(await_it, async_task *);

/* ---- a request is passed on ----------------------------------------------------------------- */

LOOP_TEST(cancelling_a_task_that_awaits_another_cancels_that_other)
{
    async_task *child = async_create_task(forever);
    async_task *parent = async_create_task(await_it, async_task_ref(child));
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_task_cancelling(child), 1);
    CHECK_EQ(async_await(parent), -ECANCELED);
    CHECK_EQ(async_await(child), -ECANCELED);
    return 0;
}

static int await_while_cancelled(async_task *child)
{
    async_task_cancel(async_current_task());
    return async_await(child);
}
async_fn(await_while_cancelled, async_task *);

LOOP_TEST(a_task_that_is_cancelled_before_it_awaits_cancels_what_it_awaits)
{
    async_task *child = async_create_task(forever);
    async_task *parent = async_create_task(await_while_cancelled, async_task_ref(child));
    turns(5);
    CHECK(async_task_cancelled(parent));
    CHECK_EQ(async_gather(parent, child), -ECANCELED);
    return 0;
}

LOOP_TEST(cancelling_a_gather_cancels_all_its_tasks)
{
    async_task *children[3];
    for (int i = 0; i < 3; i++)
        children[i] = async_create_task(forever);
    CHECK(async_call_later(2, cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(async_gather_n(children, 3, NULL, ASYNC_FIRST_ERROR), -ECANCELED);
    CHECK(async_time() == 2);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int chain(int length, int *ended);
async_fn(chain, int, int *);

/*
 * A task that awaits a task that awaits a task, by await and gather in turn; the last one sleeps.
 */
static int chain(int length, int *ended)
{
    int result;
    if (length == 1)
        result = async_sleep(INFINITY);
    else if (length % 2 == 0)
        result = async_await(async_create_task(chain, length - 1, ended));
    else
        result = async_gather(async_create_task(chain, length - 1, ended));
    ++*ended;
    return result;
}

/* This task's own stack would not hold a recursion over so many. */
LOOP_TEST(a_request_reaches_through_ten_thousand_joins)
{
    enum { LENGTH = 10000 };
    int ended = 0;
    async_task *first = async_create_task(chain, LENGTH, &ended);
    for (int i = 0; i < LENGTH; i++)
        CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_all_tasks(NULL, 0), LENGTH + 1);
    CHECK(async_task_cancel(first));
    CHECK_EQ(ended, 0);
    CHECK_EQ(async_await(first), -ECANCELED);
    CHECK_EQ(ended, LENGTH);
    return 0;
}

static async_task *circle[2];

static int join_partner(int partner)
{
    return async_await(async_task_ref(circle[partner]));
}
async_fn(join_partner, int);

/* Such tasks wait for each other for ever, so there is no other way out than this one. */
static int cancel_a_circle(void)
{
    circle[0] = async_create_task(join_partner, 1);
    circle[1] = async_create_task(join_partner, 0);
    turns(5);
    CHECK(async_task_cancel(circle[0]));
    CHECK_EQ(async_task_cancelling(circle[0]), 1);
    CHECK_EQ(async_task_cancelling(circle[1]), 1);
    fputs("the call came back", stderr);
    exit(3);
}
async_fn(cancel_a_circle);

DEATH_TEST(cancelling_tasks_that_join_each_other_in_a_circle_comes_back, "the call came back")
{
    async_ignore(async_run_with(test_options(), cancel_a_circle));
}

LOOP_TEST(cancelling_a_child_does_not_cancel_its_parent)
{
    async_task *child = async_create_task(forever);
    CHECK(async_call_later(1, cancel_callback, child).id != 0);
    CHECK_EQ(async_await(child), -ECANCELED);
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    CHECK_EQ(async_sleep(1), 0);
    return 0;
}

LOOP_TEST(cancelling_one_of_two_parents_gives_the_other_only_the_child_s_result)
{
    async_task *child = async_create_task(forever);
    async_task *cancelled = async_create_task(await_it, async_task_ref(child));
    turns(5);
    CHECK(async_call_later(1, cancel_callback, cancelled).id != 0);
    CHECK_EQ(async_await(child), -ECANCELED);
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    CHECK_EQ(async_await(cancelled), -ECANCELED);
    return 0;
}

LOOP_TEST(shield_keeps_a_request_from_the_awaited_task)
{
    async_task *child = async_create_task(give_after, 3, 8);
    CHECK(async_call_later(1, cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(async_no_cancel(async_await(child)), 8);
    CHECK(async_time() == 3);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

LOOP_TEST(a_task_that_was_detached_is_left_alone)
{
    async_task *child = async_create_task(give_after, 3, 8);
    async_task_cancel(async_current_task());
    async_task_detach(async_task_ref(child));
    CHECK_EQ(async_sleep(10), -ECANCELED);
    CHECK_EQ(async_task_cancelling(child), 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_await(child) == 8 ? 0 : -EINVAL;
}

/*
 * Otherwise one that joins in a loop, and ignores that it was cancelled, would starve the others.
 */
LOOP_TEST(a_cancelled_task_gives_the_loop_one_turn_for_each_join_that_need_not_wait)
{
    int count = 0;
    async_task *counter = async_create_task(count_turns, &count);
    async_task *ended = async_create_task(give, 7);
    turns(5);
    async_task_cancel(async_current_task());
    count = 0;
    CHECK_EQ(async_await(async_task_ref(ended)), 7);
    CHECK_EQ(count, 1);
    CHECK_EQ(async_gather(ended), 0);
    CHECK_EQ(count, 2);
    CHECK_EQ(async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(count, 3);
    count = -1;
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_await(counter);
}

/* ---- each request, and once ----------------------------------------------------------------- */

LOOP_TEST(each_request_is_passed_on)
{
    async_task *child = async_create_task(end_slowly, 10, 0);
    async_task *parent = async_create_task(await_it, async_task_ref(child));
    turns(5);
    async_task_cancel(parent);
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_task_cancelling(child), 2);
    CHECK_EQ(async_gather(parent, child), 0);
    return 0;
}

static int count_requests(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_sleep(1)), 0);
    return async_task_cancelling(async_current_task());
}
async_fn(count_requests);

LOOP_TEST(a_request_is_passed_on_also_in_the_turn_that_a_refusal_costs)
{
    async_task *child = async_create_task(count_requests);
    turns(5);
    async_task_cancel(async_current_task());
    CHECK(async_call_soon(cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(async_await(child), 2);
    CHECK_EQ(async_task_uncancel(async_current_task()), 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int gather_three(async_task *a, async_task *b, async_task *c)
{
    return async_gather(a, b, c);
}
async_fn(gather_three, async_task *, async_task *, async_task *);

LOOP_TEST(a_request_reaches_a_task_once_however_many_ways_lead_there)
{
    async_task *child = async_create_task(end_slowly, 1, 0);
    async_task *middle = async_create_task(await_it, async_task_ref(child));
    async_task *parent = async_create_task(gather_three, child, middle, child);
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_task_cancelling(child), 1);
    CHECK_EQ(async_task_cancelling(middle), 1);
    return async_await(parent);
}

static int gather_while_cancelled(async_task *a, async_task *b, async_task *c)
{
    async_task_cancel(async_current_task());
    return async_gather(a, b, c);
}
async_fn(gather_while_cancelled, async_task *, async_task *, async_task *);

LOOP_TEST(a_request_made_before_the_join_reaches_a_task_once_as_well)
{
    async_task *child = async_create_task(end_slowly, 1, 0);
    async_task *middle = async_create_task(await_it, async_task_ref(child));
    turns(5);
    async_task *parent = async_create_task(gather_while_cancelled, child, middle, child);
    turns(5);
    CHECK_EQ(async_task_cancelling(child), 1);
    CHECK_EQ(async_task_cancelling(middle), 1);
    return async_await(parent);
}

/* ---- never before the end ------------------------------------------------------------------- */

LOOP_TEST(joins_never_return_before_what_they_join_has_ended)
{
    async_task *parent = async_create_task(await_it, async_create_task(end_slowly, 3, -EIO));
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_await(parent), -EIO);
    CHECK_TRACE("goodbye3 joined");
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(joins_that_are_cancelled_before_they_begin_do_not_return_early_either)
{
    async_task *child = async_create_task(end_slowly, 3, -EIO);
    turns(5);
    CHECK_EQ(async_await(async_create_task(await_while_cancelled, child)), -EIO);
    CHECK_TRACE("goodbye3");
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(joins_of_several_wait_for_the_slowest_to_end)
{
    async_task *children[] = {async_create_task(end_slowly, 2, 0),
                              async_create_task(end_slowly, 3, 0),
                              async_create_task(end_slowly, 1, 0)};
    CHECK(async_call_later(1, cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(async_gather_n(children, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("goodbye1 goodbye2 goodbye3");
    CHECK(async_time() == 4);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

LOOP_TEST(joins_do_not_return_early_when_their_time_runs_out)
{
    async_task *child = async_create_task(end_slowly, 3, -EIO);
    CHECK_EQ(async_timeout(1, async_await(child)), -ETIMEDOUT);
    CHECK_TRACE("goodbye3");
    CHECK(async_time() == 4);
    return 0;
}

/*
 * A gather is woken for each of its tasks in turn; a request that meets it between two must not be
 * missed.
 */
LOOP_TEST(a_gather_that_was_woken_for_one_and_is_cancelled_before_it_runs_cancels_the_rest)
{
    async_task *slow = async_create_task(give_after, 100, 0);
    async_task *quick = async_create_task(give_after, 1, 0);
    async_task *parent = async_create_task(gather_three, slow, slow, quick);
    turns(5);
    async_call_at(1, cancel_callback, parent);
    CHECK_EQ(async_await(parent), -ECANCELED);
    CHECK(async_time() == 1);
    return 0;
}

/* ---- whose result --------------------------------------------------------------------------- */

LOOP_TEST(a_child_that_succeeds_despite_cancel_gives_its_result_to_its_cancelled_parent)
{
    async_task *parent = async_create_task(await_it, async_create_task(end_slowly, 1, 7));
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_await(async_task_ref(parent)), 7);
    CHECK(!async_task_cancelled(parent));
    async_task_detach(parent);
    return 0;
}

static int answer_and_succeed(void)
{
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(1), 0);
    return 7;
}
async_fn(answer_and_succeed);

LOOP_TEST(a_child_that_answers_and_succeeds_gives_its_result_to_its_cancelled_parent)
{
    async_task *parent = async_create_task(await_it, async_create_task(answer_and_succeed));
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_await(parent), 7);
    CHECK(async_time() == 1);
    return 0;
}

static int await_and_be_refused_next(async_task *task)
{
    int result = async_await(task);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    return result;
}
async_fn(await_and_be_refused_next, async_task *);

LOOP_TEST(a_request_is_delivered_at_the_call_after_a_join_that_succeeded)
{
    async_task *child = async_create_task(end_slowly, 1, 7);
    async_task *parent = async_create_task(await_and_be_refused_next, child);
    turns(5);
    async_task_cancel(parent);
    CHECK_EQ(async_await(parent), 7);
    return 0;
}

LOOP_TEST(whichever_came_first_wins_for_a_child_that_has_ended)
{
    async_task *child = async_create_task(give_after, 1, 7);
    async_task *parent = async_create_task(await_and_be_refused_next, child);
    turns(5);
    async_call_at(1, cancel_callback,
                  parent); /* when the child has ended and the parent has not run yet */
    CHECK_EQ(async_await(parent), 7);
    return 0;
}

LOOP_TEST(a_child_that_has_ended_gives_its_result_to_a_parent_that_is_cancelled_already)
{
    async_task *child = async_create_task(give, 7);
    turns(5);
    CHECK_EQ(async_await(async_create_task(await_while_cancelled, child)), 7);
    return 0;
}

LOOP_TEST(a_child_that_beats_the_time_limit_gives_its_result_though_late)
{
    CHECK_EQ(async_timeout(1, async_await(async_create_task(end_slowly, 3, 7))), 7);
    CHECK(async_time() == 4);
    CHECK_EQ(async_sleep(1), 0);
    return 0;
}

static int await_twice(void)
{
    async_task *child = async_create_task(forever);
    async_task_cancel(async_current_task());
    CHECK_EQ(async_await(child), -ECANCELED);
    return async_await(child);
}
async_fn(await_twice);

DEATH_TEST(a_join_that_is_cancelled_still_takes_the_handle,
           "async_await: the handle of task #2|was taken before")
{
    async_ignore(async_run_with(test_options(), await_twice));
}
