/*
 * test_semantics_scopes.c: time limits and shields that were begun and not ended, ended twice or in
 * the wrong order, or begun without a task: each ends the program with a message that names the
 * mistake.
 */
#include "run/runner.h"

static int leave_a_limit_open(void)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    return 0;
}
async_fn(leave_a_limit_open);

DEATH_TEST(a_limit_that_was_left_open_dies_at_the_end_of_its_task,
           "task #1 'leave_a_limit_open'|ended inside a timeout or shield that it began")
{
    async_ignore(async_run_with(test_options(), leave_a_limit_open));
}

__attribute__((noinline)) static int begin_and_return(void)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 1);
    return -EIO;
}

/* Overwrites the frames that have returned. */
__attribute__((noinline)) static void use_the_stack(void)
{
    volatile char room[1024];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0x5a;
}

static int sleep_under_a_limit_that_is_gone(void)
{
    CHECK_EQ(begin_and_return(), -EIO);
    use_the_stack();
    return async_sleep(5);
}
async_fn(sleep_under_a_limit_that_is_gone);

/*
 * The end of the task would be too late: the limit's timer would have fired into unrelated memory.
 */
DEATH_TEST(a_limit_in_a_returned_frame_dies_at_the_next_wait_in_debug_mode,
           "task #1 'sleep_under_a_limit_that_is_gone'|timeout or shield")
{
    async_run_options options = *test_options();
    options.debug = true;
    async_ignore(async_run_with(&options, sleep_under_a_limit_that_is_gone));
}

static int leave_a_shield_open(void)
{
    async_no_cancel_scope scope;
    async_no_cancel_begin(&scope);
    return 0;
}
async_fn(leave_a_shield_open);

DEATH_TEST(a_shield_that_was_left_open_dies_at_the_end_of_its_task,
           "task #1 'leave_a_shield_open'|ended inside a timeout or shield that it began")
{
    async_ignore(async_run_with(test_options(), leave_a_shield_open));
}

static int end_the_outer_first(void)
{
    async_timeout_scope outer, inner;
    async_timeout_begin(&outer, 5);
    async_timeout_begin(&inner, 5);
    return async_timeout_end(&outer, 0);
}
async_fn(end_the_outer_first);

DEATH_TEST(a_scope_ended_before_the_one_inside_it_dies,
           "async_timeout_end: this is not the innermost scope of task #1 'end_the_outer_first'")
{
    async_ignore(async_run_with(test_options(), end_the_outer_first));
}

static int return_early(async_no_cancel_scope *scope)
{
    async_no_cancel_begin(scope);
    ASYNC_TRY(-EIO);
    async_no_cancel_end(scope);
    return 0;
}

static int leave_open_inside_an_expression(void)
{
    async_no_cancel_scope inner;
    return async_timeout(5, return_early(&inner));
}
async_fn(leave_open_inside_an_expression);

DEATH_TEST(
    an_expression_in_which_a_scope_was_left_open_dies,
    "async_timeout: this is not the innermost scope of task #1 'leave_open_inside_an_expression'")
{
    async_ignore(async_run_with(test_options(), leave_open_inside_an_expression));
}

static int end_twice(void)
{
    async_no_cancel_scope scope;
    async_no_cancel_begin(&scope);
    async_no_cancel_end(&scope);
    async_no_cancel_end(&scope);
    return 0;
}
async_fn(end_twice);

DEATH_TEST(a_scope_ended_twice_dies,
           "async_no_cancel_end: this is not the innermost scope of task #1 'end_twice'")
{
    async_ignore(async_run_with(test_options(), end_twice));
}

static int end_what_another_began(async_timeout_scope *scope)
{
    return async_timeout_end(scope, 0);
}
async_fn(end_what_another_began, async_timeout_scope *);

static int begin_for_another(void)
{
    async_timeout_scope scope;
    async_timeout_begin(&scope, 5);
    int result = async_await(async_create_task(end_what_another_began, &scope));
    return async_timeout_end(&scope, result);
}
async_fn(begin_for_another);

DEATH_TEST(a_scope_ended_by_another_task_dies,
           "async_timeout_end: this is not the innermost scope of task #2")
{
    async_ignore(async_run_with(test_options(), begin_for_another));
}

/*
 * Like a loop whose body continues without the end: the second begin gets the variable of the
 * first.
 */
static int begin_anew(void)
{
    async_timeout_scope outer, inner;
    async_timeout_begin(&outer, 5);
    async_timeout_begin(&inner, 1);
    async_timeout_begin(&outer, 5);
    return async_sleep(10);
}
async_fn(begin_anew);

DEATH_TEST(a_limit_begun_anew_before_its_end_dies,
           "async_timeout: task #1 'begin_anew'|begins a scope that it has not ended")
{
    async_ignore(async_run_with(test_options(), begin_anew));
}

static int shield_without_a_scope(void)
{
    async_no_cancel_begin(NULL);
    return 0;
}
async_fn(shield_without_a_scope);

DEATH_TEST(a_scope_that_is_null_dies, "async_no_cancel: the scope is NULL")
{
    async_ignore(async_run_with(test_options(), shield_without_a_scope));
}

DEATH_TEST(a_limit_that_is_null_dies, "async_timeout_when: the scope is NULL")
{
    async_timeout_when(NULL);
}

static int end_no_limit(void)
{
    return async_timeout(5, async_timeout_end(NULL, 0));
}
async_fn(end_no_limit);

DEATH_TEST(ending_a_scope_that_was_not_begun_ends_no_other, "async_timeout_end: the scope is NULL")
{
    async_ignore(async_run_with(test_options(), end_no_limit));
}

DEATH_TEST(a_limit_outside_a_task_dies, "async_timeout was called outside a task")
{
    async_ignore(async_timeout(5, 0));
}

DEATH_TEST(a_shield_outside_a_task_dies, "async_no_cancel was called outside a task")
{
    async_ignore(async_no_cancel(0));
}

static void limit_a_callback(void *argument)
{
    (void)argument;
    async_ignore(async_timeout(5, 0));
}

static int have_a_callback_limited(void)
{
    async_call_soon(limit_a_callback, NULL);
    return async_sleep(1);
}
async_fn(have_a_callback_limited);

DEATH_TEST(a_limit_in_a_callback_dies, "async_timeout was called in a callback")
{
    async_ignore(async_run_with(test_options(), have_a_callback_limited));
}
