/*
 * test_group_misuse.c: task groups that are waited for by the wrong task, in the wrong order or
 * twice, and handles of theirs that are taken: each ends the program with a message that names the
 * mistake. And a failure that is never retrieved.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/runner.h"

static int take_a_borrowed_handle(void)
{
    ASYNC_TASK_GROUP(group);
    return async_await(async_group_create_task(&group, give, 1));
}
async_fn(take_a_borrowed_handle);

DEATH_TEST(group_child_that_is_awaited_with_the_group_s_handle_dies,
           "async_await: task #2 'give'|is only borrowed here, from its group|async_task_ref")
{
    async_ignore(async_run_with(test_options(), take_a_borrowed_handle));
}

static int detach_a_borrowed_handle(void)
{
    ASYNC_TASK_GROUP(group);
    async_task_detach(async_group_create_task(&group, give, 1));
    return async_group_wait(&group);
}
async_fn(detach_a_borrowed_handle);

DEATH_TEST(group_child_that_is_detached_dies,
           "async_task_detach: task #2 'give'|is only borrowed here, from its group")
{
    async_ignore(async_run_with(test_options(), detach_a_borrowed_handle));
}

static int wait_for_the_outer_first(void)
{
    ASYNC_TASK_GROUP(outer);
    ASYNC_TASK_GROUP(inner);
    return async_group_wait(&outer) + async_group_wait(&inner);
}
async_fn(wait_for_the_outer_first);

DEATH_TEST(
    group_that_is_waited_for_before_the_one_inside_it_dies,
    "async_group_wait: this is not the innermost task group of task #1 'wait_for_the_outer_first'")
{
    async_ignore(async_run_with(test_options(), wait_for_the_outer_first));
}

static int wait_twice(void)
{
    ASYNC_TASK_GROUP(group);
    CHECK_EQ(async_group_wait(&group), 0);
    return async_group_wait(&group);
}
async_fn(wait_twice);

DEATH_TEST(group_that_is_waited_for_twice_dies,
           "async_group_wait: the task group was waited for already; that is done once")
{
    async_ignore(async_run_with(test_options(), wait_twice));
}

static int wait_for_one_s_parent_s(async_task_group *group)
{
    return async_group_wait(group);
}
async_fn(wait_for_one_s_parent_s, async_task_group *);

static int let_a_child_wait(void)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, wait_for_one_s_parent_s, &group);
    return async_group_wait(&group);
}
async_fn(let_a_child_wait);

DEATH_TEST(group_that_is_waited_for_by_another_task_dies,
           "async_group_wait: the task group belongs to task #1 'let_a_child_wait'|"
           "but was used by task #2")
{
    async_ignore(async_run_with(test_options(), let_a_child_wait));
}

static int return_inside_a_limit(void)
{
    ASYNC_TASK_GROUP(group);
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    return 0;
}
async_fn(return_inside_a_limit);

DEATH_TEST(
    group_that_is_left_inside_a_limit_dies,
    "the end of a task group: this is not the innermost scope of task #1 'return_inside_a_limit'")
{
    async_ignore(async_run_with(test_options(), return_inside_a_limit));
}

static int declare_one(void)
{
    ASYNC_TASK_GROUP(group);
    return async_group_wait(&group);
}

DEATH_TEST(group_outside_a_task_dies, "ASYNC_TASK_GROUP was called outside a task")
{
    async_ignore(declare_one());
}

static int create_in_none(void)
{
    return async_group_create_task((async_task_group *)NULL, give, 1) != NULL;
}
async_fn(create_in_none);

DEATH_TEST(group_that_is_null_dies, "async_group_create_task: the group is NULL")
{
    async_ignore(async_run_with(test_options(), create_in_none));
}

static int declare_without_the_macro(void)
{
    async_task_group group = {0};
    return async_group_create_task(&group, give, 1) != NULL;
}
async_fn(declare_without_the_macro);

DEATH_TEST(group_that_was_not_declared_dies,
           "async_group_create_task: the group was not declared by ASYNC_TASK_GROUP")
{
    async_ignore(async_run_with(test_options(), declare_without_the_macro));
}

static int leave_a_failure_unseen(void)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, give, -EIO);
    return async_sleep(1);
}

static int fail_and_abort(void)
{
    CHECK_EQ(leave_a_failure_unseen(), -ECANCELED);
    __builtin_abort();
}
async_fn(fail_and_abort);

DEATH_TEST(group_that_is_left_reports_a_failure_that_was_not_retrieved,
           "task #2 'give'|failed and its result was never retrieved: -EIO")
{
    async_ignore(async_run_with(test_options(), fail_and_abort));
}

static int fail_twice_in_each_kind(void)
{
    for (int discard = 0; discard < 2; discard++) {
        ASYNC_TASK_GROUP_WITH(group, .discard = discard != 0);
        async_group_create_task(&group, give, -EIO);
        async_group_create_task(&group, give, -EPROTO);
        async_group_create_task(&group, forever);
        CHECK_EQ(async_group_wait(&group), -EIO);
    }
    return 0;
}
async_fn(fail_twice_in_each_kind);

TEST(group_that_is_waited_for_reports_no_failures)
{
    capture_begin();
    int result = async_run_with(test_options(), fail_twice_in_each_kind);
    const char *said = capture_end();
    CHECK_EQ(result, 0);
    CHECK_STR(said, "");
}
