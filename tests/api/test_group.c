/*
 * test_group.c: task groups: when they end and with which result, who owns a handle, limits,
 * discarding, and blocks that are left early. Cancelled at each moment: switching_group.c; misuse:
 * test_group_misuse.c.
 */
#include "sched/task.h"
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/callbacks.h"

static int note_after(double seconds, const char *name, int result)
{
    int slept = async_sleep(seconds);
    note("%s%s", name, slept < 0 ? "-refused" : "");
    return slept < 0 ? slept : result;
}
async_fn(note_after, double, const char *, int);

/* ---- results -------------------------------------------------------------------------------- */

LOOP_TEST(group_of_nothing_is_done_at_once)
{
    ASYNC_TASK_GROUP(group);
    return async_group_wait(&group);
}

LOOP_TEST(group_waits_for_all_its_children)
{
    ASYNC_TASK_GROUP(group);
    async_task *slow = async_group_create_task(&group, note_after, 3, "slow", 7);
    async_group_create_task(&group, note_after, 1, "fast", 0);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK(async_time() == 3);
    CHECK_TRACE("fast slow");
    CHECK_EQ(async_task_result(slow), 7); /* until the block is left */
    return check_not_cancelled();
}

LOOP_TEST(group_child_does_not_begin_inside_create_task)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 0, "child", 0);
    note("parent");
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_TRACE("parent child");
    return 0;
}

LOOP_TEST(group_child_that_fails_has_its_siblings_cancelled)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "first", 0);
    async_group_create_task(&group, note_after, 1, "failing", -EIO);
    async_group_create_task(&group, note_after, 9, "last", 0);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK(async_time() == 1);
    CHECK_TRACE("failing first-refused last-refused");
    return check_not_cancelled();
}

LOOP_TEST(group_child_that_fails_has_the_calls_of_its_parent_refused_until_the_wait)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, give_after, 1, -EIO);
    CHECK_EQ(async_sleep(5), -ECANCELED);
    CHECK(async_time() == 1);
    /* the refusal is no request to cancel the parent */
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    CHECK_EQ(async_sleep(0), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(5), -ECANCELED);
    CHECK_EQ(async_group_wait(&group), -EIO);
    return check_not_cancelled();
}

LOOP_TEST(group_gives_the_first_failure_with_its_message)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, fail_with_message, "the first");
    async_group_create_task(&group, fail_with_message, "the second");
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: the first");
    return 0;
}

LOOP_TEST(group_child_that_is_cancelled_is_no_failure)
{
    ASYNC_TASK_GROUP(group);
    async_task *cancelled = async_group_create_task(&group, forever);
    async_group_create_task(&group, give_after, 2, 0);
    CHECK(async_call_later(1, cancel_callback, cancelled).id != 0);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK(async_time() == 2);
    CHECK(async_task_cancelled(cancelled));
    return check_not_cancelled();
}

LOOP_TEST(group_cancel_asks_the_children_and_is_no_failure)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "a", 0);
    async_group_create_task(&group, note_after, 9, "b", 0);
    CHECK_EQ(async_sleep(1), 0);
    async_group_cancel(&group);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("a-refused b-refused");
    async_group_create_task(&group, note_after, 1, "c", 0);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_TRACE("c");
    return check_not_cancelled();
}

static int create_sibling(async_task_group *group)
{
    CHECK(async_group_create_task(group, note_after, 2, "sibling", 0) != NULL);
    return 0;
}
async_fn(create_sibling, async_task_group *);

LOOP_TEST(group_child_creates_siblings_while_the_group_is_waited_for)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, create_sibling, &group);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_TRACE("sibling");
    CHECK(async_time() == 2);
    CHECK(async_group_create_task(&group, forever) == NULL); /* it has been waited for */
    return check_not_cancelled();
}

LOOP_TEST(group_that_has_failed_creates_no_more)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, give, -EIO);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK(async_group_create_task(&group, forever) == NULL);
    CHECK_EQ(async_group_wait(&group), -EIO);
    return check_not_cancelled();
}

LOOP_TEST(group_without_memory_for_a_child_fails)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "sibling", 0);
    CHECK_EQ(async_sleep(0), 0);
    async_task_options options = {.name = "a name that is copied"};
    test_allow_allocations(0);
    CHECK(async_group_create_task_with(&group, &options, forever) == NULL);
    test_allow_allocations(-1);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_group_wait(&group), -ENOMEM);
    CHECK_TRACE("sibling-refused");
    return check_not_cancelled();
}

/* ---- causes from outside -------------------------------------------------------------------- */

LOOP_TEST(group_whose_parent_is_cancelled_cancels_its_children_and_waits_for_them)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "a", 0);
    cancel_self_after(1);
    CHECK_EQ(async_group_wait(&group), -ECANCELED);
    CHECK_TRACE("a-refused");
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

static int fail_when_cancelled(void)
{
    CHECK_EQ(async_sleep(9), -ECANCELED);
    return -EIO;
}
async_fn(fail_when_cancelled);

LOOP_TEST(group_gives_errors_before_cancellation)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, fail_when_cancelled);
    cancel_self_after(1);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

static int succeed_when_cancelled(void)
{
    CHECK_EQ(async_sleep(9), -ECANCELED);
    return 0;
}
async_fn(succeed_when_cancelled);

LOOP_TEST(group_whose_children_succeed_despite_cancel_succeeds)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, succeed_when_cancelled);
    cancel_self_after(1);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_EQ(async_sleep(1), -ECANCELED); /* the request is met here */
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

LOOP_TEST(group_in_a_parent_that_was_cancelled_before_cancels_at_the_wait)
{
    ASYNC_TASK_GROUP(group);
    CHECK(async_task_cancel(async_current_task()));
    async_group_create_task(&group, note_after, 9, "a", 0);
    CHECK_EQ(async_group_wait(&group), -ECANCELED);
    CHECK_TRACE("a-refused");
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

static int wait_under_limit(double limit)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "a", 0);
    return async_timeout(limit, async_group_wait(&group));
}

LOOP_TEST(group_under_a_limit_is_cancelled_when_that_runs_out)
{
    CHECK_EQ(wait_under_limit(1), -ETIMEDOUT);
    CHECK_TRACE("a-refused");
    CHECK(async_time() == 1);
    return check_not_cancelled();
}

static int wait_for_group(int (*body)(async_task_group *))
{
    ASYNC_TASK_GROUP(group);
    int result = body(&group);
    return result < 0 ? result : async_group_wait(&group);
}

static int create_sleeper(async_task_group *group)
{
    return async_group_create_task(group, note_after, 9, "a", 0) != NULL ? 0 : -ENOMEM;
}

LOOP_TEST(group_inside_a_limit_that_runs_out_is_cancelled)
{
    CHECK_EQ(async_timeout(1, wait_for_group(create_sleeper)), -ETIMEDOUT);
    CHECK_TRACE("a-refused");
    return check_not_cancelled();
}

LOOP_TEST(group_passes_on_each_request_once)
{
    ASYNC_TASK_GROUP(group);
    async_task *child = async_group_create_task(&group, sleep_despite_cancel);
    cancel_self_after(1);
    cancel_self_after(3);
    CHECK_EQ(async_group_wait(&group), -ECANCELED);
    CHECK(async_time() == 3);
    CHECK(async_task_cancelled(child));
    CHECK_EQ(async_task_uncancel(async_current_task()), 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

LOOP_TEST(group_passes_on_a_request_that_comes_in_the_turn_of_its_refusal)
{
    ASYNC_TASK_GROUP(group);
    async_task *child = async_group_create_task(&group, sleep_despite_cancel);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel(async_current_task()));
    CHECK(async_call_soon(cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(async_group_wait(&group), -ECANCELED);
    CHECK(async_time() == 1);
    CHECK(async_task_cancelled(child));
    CHECK_EQ(async_task_uncancel(async_current_task()), 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

LOOP_TEST(group_that_failed_asks_its_children_once)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, sleep_despite_cancel);
    async_group_create_task(&group, give_after, 1, -EIO);
    CHECK_EQ(async_sleep(2), -ECANCELED);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK(async_time() == 10); /* one request was answered, and there was no other */
    return check_not_cancelled();
}

/* ---- groups within groups ------------------------------------------------------------------- */

static int inner_group(const char *name)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, name, 0);
    return async_group_wait(&group);
}
async_fn(inner_group, const char *);

LOOP_TEST(group_that_fails_cancels_through_the_groups_of_its_children)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, inner_group, "a");
    async_group_create_task(&group, inner_group, "b");
    async_group_create_task(&group, give_after, 1, -EIO);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK_TRACE("a-refused b-refused");
    CHECK(async_time() == 1);
    return check_not_cancelled();
}

LOOP_TEST(group_inside_another_fails_alone)
{
    ASYNC_TASK_GROUP(outer);
    async_group_create_task(&outer, note_after, 3, "outer", 0);
    {
        ASYNC_TASK_GROUP(inner);
        async_group_create_task(&inner, give_after, 1, -EIO);
        CHECK_EQ(async_group_wait(&inner), -EIO);
    }
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(async_group_wait(&outer), 0);
    CHECK_TRACE("outer");
    return check_not_cancelled();
}

LOOP_TEST(group_outside_another_cancels_it)
{
    ASYNC_TASK_GROUP(outer);
    async_group_create_task(&outer, give_after, 1, -EIO);
    {
        ASYNC_TASK_GROUP(inner);
        async_group_create_task(&inner, note_after, 9, "inner", 0);
        CHECK_EQ(async_group_wait(&inner), -ECANCELED);
    }
    CHECK_TRACE("inner-refused");
    CHECK_EQ(async_group_wait(&outer), -EIO);
    return check_not_cancelled();
}

static int fail_both(async_task_group *outer)
{
    ASYNC_TASK_GROUP(inner);
    async_group_create_task(&inner, fail_when_cancelled);
    async_group_create_task(outer, give_after, 1, -EPROTO);
    return async_group_wait(&inner);
}

LOOP_TEST(group_outside_another_that_fails_then_keeps_its_own_error)
{
    ASYNC_TASK_GROUP(outer);
    CHECK_EQ(fail_both(&outer), -EIO);
    CHECK_EQ(async_group_wait(&outer), -EPROTO);
    return check_not_cancelled();
}

/* ---- leaving early -------------------------------------------------------------------------- */

static int leave_early(async_task **kept)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "a", 0);
    *kept = async_task_ref(async_group_create_task(&group, note_after, 9, "b", 0));
    ASYNC_TRY(async_sleep(1));
    return 5;
}

LOOP_TEST(group_that_is_left_cancels_its_children_and_waits_for_them)
{
    async_task *kept;
    CHECK_EQ(leave_early(&kept), 5);
    CHECK_TRACE("a-refused b-refused");
    CHECK(async_time() == 1);
    CHECK_EQ(async_await(kept), -ECANCELED);
    return check_not_cancelled();
}

static int leave_because_a_child_failed(void)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, give_after, 1, 0);
    async_task *failing = async_group_create_task(&group, give_after, 1, -EIO);
    int result = async_sleep(9);
    async_ignore(async_task_result(failing)); /* otherwise it is reported as never retrieved */
    return result;
}

LOOP_TEST(group_that_is_left_refuses_no_longer)
{
    CHECK_EQ(leave_because_a_child_failed(), -ECANCELED);
    return check_not_cancelled();
}

static int leave_while_cancelled(void)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, note_after, 9, "a", 0);
    return async_sleep(9);
}

LOOP_TEST(group_that_is_left_waits_also_in_a_parent_that_is_cancelled)
{
    cancel_self_after(1);
    CHECK_EQ(leave_while_cancelled(), -ECANCELED);
    CHECK_TRACE("a-refused");
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return check_not_cancelled();
}

/* ---- limit, discard ------------------------------------------------------------------------- */

LOOP_TEST(group_with_a_limit_runs_that_many_at_a_time_in_order)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 2);
    async_group_create_task(&group, note_after, 2, "a2", 0);
    async_group_create_task(&group, note_after, 1, "b1", 0);
    async_group_create_task(&group, note_after, 3, "c4", 0);
    async_group_create_task(&group, note_after, 1, "d3", 0);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_TRACE("b1 a2 d3 c4");
    CHECK(async_time() == 4);
    return check_not_cancelled();
}

LOOP_TEST(group_with_a_limit_refuses_those_that_had_not_begun)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task(&group, note_after, 1, "a", -EIO);
    async_group_create_task(&group, note_after, 1, "b", 0);
    async_group_create_task(&group, note_after, 1, "c", 0);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK_TRACE("a b-refused c-refused");
    CHECK(async_time() == 1);
    return check_not_cancelled();
}

LOOP_TEST(group_with_a_limit_starts_cancelled_children_too)
{
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task(&group, note_after, 2, "a", 0);
    async_task *second = async_group_create_task(&group, note_after, 2, "b", 0);
    async_group_create_task(&group, note_after, 2, "c", 0);
    CHECK(async_call_later(1, cancel_callback, second).id != 0);
    CHECK_EQ(async_group_wait(&group), 0);
    CHECK_TRACE("a b-refused c");
    CHECK(async_time() == 4);
    return check_not_cancelled();
}

LOOP_TEST(group_that_discards_keeps_no_record_but_that_of_the_first_failure)
{
    ASYNC_TASK_GROUP_WITH(group, .discard = true);
    async_task *child = async_group_create_task(&group, give, 1), *other = NULL;
    CHECK_EQ(async_sleep(0), 0);
    for (int i = 0; i < 200 && other != child;
         i++) { /* its record is used again, though not at once */
        other = async_group_create_task(&group, give, 2);
        CHECK_EQ(async_sleep(0), 0);
    }
    CHECK(other == child);
    async_group_create_task(&group, fail_with_message, "the first");
    async_group_create_task(&group, fail_with_message, "the second");
    CHECK_EQ(async_group_next(&group, NULL), -EINVAL);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: the first");
    return check_not_cancelled();
}

enum { MANY = 10000 };

LOOP_TEST(group_of_many_waits_for_all_and_one_failure_ends_all)
{
    async_task *last = NULL;
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < MANY; i++)
        last = async_group_create_task(&group, give_after, i == MANY / 2 ? 1 : 9,
                                       i == MANY / 2 ? -EIO : i);
    CHECK(last != NULL);
    CHECK_EQ(async_group_wait(&group), -EIO);
    CHECK(async_time() == 1);
    CHECK(async_task_cancelled(last));
    return check_not_cancelled();
}

/* ---- next ----------------------------------------------------------------------------------- */

LOOP_TEST(group_next_gives_children_in_the_order_of_their_ends)
{
    async_task *ended;
    ASYNC_TASK_GROUP(group);
    async_task *slow = async_group_create_task(&group, give_after, 2, 7);
    async_task *fast = async_group_create_task(&group, give_after, 1, 5);
    CHECK_EQ(async_group_next(&group, &ended), 5);
    CHECK(ended == fast && async_time() == 1);
    CHECK_EQ(async_sleep(5), 0);
    CHECK_EQ(async_group_next(&group, &ended), 7);
    CHECK(ended == slow && async_time() == 6);
    CHECK_EQ(async_group_next(&group, &ended), -ENODATA);
    CHECK(ended == NULL);
    async_group_create_task(&group, give_after, 2, 9);
    CHECK_EQ(async_group_next(&group, NULL), 9);
    CHECK_EQ(async_group_wait(&group), 0);
    return check_not_cancelled();
}

LOOP_TEST(group_next_gives_the_child_that_failed_and_is_refused_afterwards)
{
    async_task *ended;
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, forever);
    async_task *failing = async_group_create_task(&group, fail_with_message, "the disk is gone");
    CHECK_EQ(async_group_next(&group, &ended), -EIO);
    CHECK(ended == failing);
    CHECK_STR(async_strerror(-EIO), "-EIO: the disk is gone");
    CHECK_EQ(async_group_next(&group, &ended), -ECANCELED);
    CHECK(ended == NULL);
    CHECK_EQ(async_group_wait(&group), -EIO);
    return check_not_cancelled();
}

LOOP_TEST(group_next_that_is_cancelled_takes_nothing)
{
    async_task *ended;
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, give_after, 2, 7);
    cancel_self_after(1);
    CHECK_EQ(async_group_next(&group, &ended), -ECANCELED);
    CHECK(ended == NULL);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_group_next(&group, &ended), 7);
    CHECK_EQ(async_group_wait(&group), 0);
    return check_not_cancelled();
}

/* ---- options, other tasks ------------------------------------------------------------------- */

LOOP_TEST(group_child_has_the_options_it_was_given)
{
    ASYNC_TASK_GROUP(group);
    async_task_options options = {.name = "worker", .stack_size = 1 << 17};
    async_task *child = async_group_create_task_with(&group, &options, give_after, 1, 0);
    CHECK_STR(async_task_name(child), "worker");
    CHECK(async_task_stack_size(child) > 1 << 16);
    return async_group_wait(&group);
}

LOOP_TEST(group_child_can_be_awaited_with_a_handle_of_its_own)
{
    ASYNC_TASK_GROUP(group);
    async_task *child = async_group_create_task(&group, give_after, 1, 7);
    CHECK_EQ(async_await(async_task_ref(child)), 7);
    CHECK_EQ(async_await(async_task_ref(child)), 7);
    CHECK_EQ(async_group_wait(&group), 0);
    return check_not_cancelled();
}

LOOP_TEST(group_child_whose_handle_is_kept_outlives_the_block)
{
    async_task *kept = NULL;
    {
        ASYNC_TASK_GROUP(group);
        kept = async_task_ref(async_group_create_task(&group, give_after, 1, 7));
        CHECK_EQ(async_group_wait(&group), 0);
    }
    CHECK_EQ(async_await(kept), 7);
    return 0;
}
