/*
 * test_wait.c: async_wait, async_wait_for and async_shield: when each returns, which handles it
 * takes or borrows, and how the tasks end. Cancelled at each moment: switching_group.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/callbacks.h"

#include <stdlib.h>

/* Cancels and detaches tasks that a call has borrowed. */
static void end_all(async_task *const tasks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        async_task_cancel(tasks[i]);
    async_ignore(async_gather_n(tasks, count, NULL, ASYNC_RETURN_EXCEPTIONS));
}

/* ---- wait ----------------------------------------------------------------------------------- */

LOOP_TEST(wait_for_all_returns_when_the_last_has_ended)
{
    async_task *tasks[] = {async_create_task(give_after, 2, 5),
                           async_create_task(give_after, 3, -EIO),
                           async_create_task(give_after, 1, 0)};
    CHECK_EQ(async_wait(tasks, 3, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 3);
    CHECK(async_time() == 3);
    CHECK_EQ(async_task_result(tasks[0]), 5);
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR),
             -EIO); /* the handles are still ours */
    return 0;
}

LOOP_TEST(wait_for_the_first_returns_when_one_has_ended)
{
    async_task *tasks[] = {async_create_task(give_after, 2, 5),
                           async_create_task(give_after, 1, 6)};
    CHECK_EQ(async_wait(tasks, 2, ASYNC_FIRST_COMPLETED, ASYNC_FOREVER), 1);
    CHECK(async_time() == 1);
    CHECK(!async_task_done(tasks[0]) && async_task_done(tasks[1]));
    CHECK_EQ(async_wait(tasks, 2, ASYNC_FIRST_COMPLETED, ASYNC_FOREVER), 1); /* it need not wait */
    CHECK(async_time() == 1);
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    return 0;
}

LOOP_TEST(wait_for_the_first_counts_all_that_end_before_it_goes_on)
{
    async_task *tasks[] = {async_create_task(give_after, 1, 5),
                           async_create_task(give_after, 1, 6)};
    CHECK_EQ(async_wait(tasks, 2, ASYNC_FIRST_COMPLETED, ASYNC_FOREVER), 2);
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    return 0;
}

LOOP_TEST(wait_for_the_first_failure_passes_over_success_and_cancellation)
{
    async_task *tasks[] = {async_create_task(give_after, 1, 5), async_create_task(forever),
                           async_create_task(give_after, 3, -EIO),
                           async_create_task(give_after, 4, 0)};
    CHECK(async_call_later(2, cancel_callback, tasks[1]).id != 0);
    CHECK_EQ(async_wait(tasks, 4, ASYNC_FIRST_EXCEPTION, ASYNC_FOREVER), 3);
    CHECK(async_time() == 3);
    end_all(tasks, 4);
    return 0;
}

LOOP_TEST(wait_for_the_first_failure_returns_at_the_end_if_nothing_fails)
{
    async_task *tasks[] = {async_create_task(give_after, 1, 5),
                           async_create_task(give_after, 2, 0)};
    CHECK_EQ(async_wait(tasks, 2, ASYNC_FIRST_EXCEPTION, ASYNC_FOREVER), 2);
    CHECK(async_time() == 2);
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    return 0;
}

LOOP_TEST(wait_whose_time_runs_out_is_no_error_and_cancels_nothing)
{
    async_task *tasks[] = {async_create_task(give_after, 1, 5),
                           async_create_task(give_after, 9, 7)};
    CHECK_EQ(async_wait(tasks, 2, ASYNC_ALL_COMPLETED, 4), 1);
    CHECK(async_time() == 4);
    CHECK_EQ(async_task_cancelling(tasks[1]), 0);
    CHECK_EQ(async_wait(tasks + 1, 1, ASYNC_ALL_COMPLETED, 1), 0);
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK(async_time() == 9);
    return 0;
}

LOOP_TEST(wait_for_no_time_lets_the_others_run_once)
{
    async_task *task = async_create_task(give, 5);
    CHECK_EQ(async_wait(&task, 1, ASYNC_ALL_COMPLETED, 0), 1);
    CHECK_EQ(async_await(task), 5);
    task = async_create_task(give_after, 1, 6);
    CHECK_EQ(async_wait(&task, 1, ASYNC_ALL_COMPLETED, -1), 0);
    CHECK(async_time() == 0);
    CHECK_EQ(async_await(task), 6);
    return 0;
}

LOOP_TEST(wait_that_is_cancelled_cancels_nothing)
{
    async_task *tasks[] = {async_create_task(give_after, 5, 5),
                           async_create_task(give_after, 9, 7)};
    cancel_self_after(1);
    CHECK_EQ(async_wait(tasks, 2, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), -ECANCELED);
    CHECK(async_time() == 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK(async_time() == 9);
    return 0;
}

LOOP_TEST(wait_counts_null_as_a_task_that_failed)
{
    async_task *tasks[] = {NULL, async_create_task(give_after, 1, 7)};
    CHECK_EQ(async_wait(tasks, 2, ASYNC_FIRST_COMPLETED, ASYNC_FOREVER), 1);
    CHECK_EQ(async_wait(tasks, 2, ASYNC_FIRST_EXCEPTION, ASYNC_FOREVER), 1);
    CHECK_EQ(async_wait(tasks, 2, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 2);
    CHECK_EQ(async_await(tasks[1]), 7);
    return 0;
}

LOOP_TEST(wait_counts_a_task_that_occurs_twice_once)
{
    async_task *task = async_create_task(give_after, 1, 7);
    async_task *tasks[] = {task, NULL, task, NULL}; /* a NULL is a task that could not be created */
    CHECK_EQ(async_wait(tasks, 4, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 3);
    CHECK_EQ(async_wait(tasks, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 1);
    CHECK_EQ(async_await(task), 7);
    return 0;
}

LOOP_TEST(wait_for_no_tasks_or_with_an_invalid_mode_is_an_error)
{
    async_task *task = async_create_task(give_after, 1, 7);
    CHECK_EQ(async_wait(&task, 0, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), -EINVAL);
    CHECK_EQ(async_wait(NULL, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), -EINVAL);
    CHECK_EQ(async_wait(&task, 1, (async_return_when)3, ASYNC_FOREVER), -EINVAL);
    CHECK_EQ(async_wait(&task, 1, (async_return_when)-1, ASYNC_FOREVER), -EINVAL);
    CHECK_EQ(async_wait(&task, 1, ASYNC_ALL_COMPLETED, NAN), -EINVAL);
    CHECK_EQ(async_await(task), 7);
    task = async_current_task();
    CHECK_EQ(async_wait(&task, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), -EDEADLK);
    return 0;
}

enum { MANY = 1000 };

LOOP_TEST(wait_of_a_cancelled_task_is_refused_before_arguments_are_checked)
{
    async_task *self = async_current_task();
    CHECK(async_task_cancel(self));
    CHECK_EQ(async_wait(NULL, 0, ASYNC_ALL_COMPLETED, 1), -ECANCELED);
    CHECK_EQ(async_wait(&self, 1, ASYNC_ALL_COMPLETED, 1), -ECANCELED);
    CHECK_EQ(async_shield(async_task_ref(self)), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

LOOP_TEST(wait_for_many_counts_each)
{
    static async_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(give_after, i % 10, i);
    CHECK_EQ(async_wait(tasks, MANY, ASYNC_FIRST_COMPLETED, ASYNC_FOREVER), MANY / 10);
    CHECK_EQ(async_wait(tasks, MANY, ASYNC_ALL_COMPLETED, 4.5), MANY / 2);
    CHECK_EQ(async_wait(tasks, MANY, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), MANY);
    return async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR);
}

LOOP_TEST(wait_without_memory_is_an_error_and_borrows)
{
    async_task *tasks[20];
    for (int i = 0; i < 20; i++)
        tasks[i] = async_create_task(give, i);
    test_allow_allocations(0);
    CHECK_EQ(async_wait(tasks, 20, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(async_wait(tasks, 20, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 20);
    return async_gather_n(tasks, 20, NULL, ASYNC_FIRST_ERROR);
}

static int wait_and_note(async_task *task, const char *name)
{
    CHECK_EQ(async_wait(&task, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER), 1);
    note("%s", name);
    return 0;
}
async_fn(wait_and_note, async_task *, const char *);

LOOP_TEST(wait_by_several_tasks_for_one_wakes_them_in_the_order_they_came)
{
    async_task *task = async_create_task(give_after, 1, 7);
    async_task *first = async_create_task(wait_and_note, task, "first");
    async_task *second = async_create_task(wait_and_note, task, "second");
    CHECK_EQ(async_gather(first, second), 0);
    CHECK_TRACE("first second");
    CHECK_EQ(async_await(task), 7);
    return 0;
}

static int wait_for_a_taken_handle(void)
{
    async_task *task = async_create_task(give, 7);
    async_ignore(async_await(task));
    return async_wait(&task, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER);
}
async_fn(wait_for_a_taken_handle);

DEATH_TEST(wait_for_a_handle_that_was_taken_dies,
           "async_wait: the handle of task #2 'give'|was taken before")
{
    async_ignore(async_run_with(test_options(), wait_for_a_taken_handle));
}

/* ---- wait_for ------------------------------------------------------------------------------- */

LOOP_TEST(wait_for_gives_the_result_that_comes_in_time)
{
    CHECK_EQ(async_wait_for(async_create_task(give_after, 1, 7), 2), 7);
    CHECK_EQ(async_wait_for(async_create_task(give_after, 1, -EIO), ASYNC_FOREVER), -EIO);
    CHECK(async_time() == 2);
    return 0;
}

LOOP_TEST(wait_for_that_runs_out_cancels_the_task_and_waits_for_its_end)
{
    async_task *task = async_create_task(forever);
    async_task_ref(task);
    CHECK_EQ(async_wait_for(task, 2), -ETIMEDOUT);
    CHECK(async_time() == 2);
    CHECK(async_task_cancelled(task));
    async_task_detach(task);
    return 0;
}

static int succeed_late(void)
{
    CHECK_EQ(async_sleep(9), -ECANCELED);
    CHECK_EQ(async_no_cancel(async_sleep(1)), 0);
    return 8;
}
async_fn(succeed_late);

LOOP_TEST(wait_for_that_runs_out_keeps_a_result_that_is_no_error)
{
    CHECK_EQ(async_wait_for(async_create_task(succeed_late), 2), 8);
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(wait_for_no_time_gives_the_result_of_a_task_that_has_ended)
{
    async_task *task = async_create_task(give, -EIO);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_wait_for(task, 0), -EIO);
    CHECK_EQ(async_wait_for(async_create_task(give, -EIO), 0), -ETIMEDOUT);
    CHECK_EQ(async_wait_for(async_create_task(give_after, 1, 7), 0), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(wait_for_of_null_itself_and_nan)
{
    CHECK_EQ(async_wait_for(NULL, 1), -ENOMEM);
    CHECK_EQ(async_wait_for(async_task_ref(async_current_task()), 1), -EDEADLK);
    CHECK_EQ(async_wait_for(async_create_task(forever), NAN), -EINVAL);
    return 0;
}

LOOP_TEST(wait_for_that_is_cancelled_cancels_the_task)
{
    cancel_self_after(1);
    CHECK_EQ(async_wait_for(async_create_task(forever), 5), -ECANCELED);
    CHECK(async_time() == 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

/* ---- shield --------------------------------------------------------------------------------- */

LOOP_TEST(shield_gives_the_task_s_result)
{
    CHECK_EQ(async_shield(async_create_task(give_after, 1, 7)), 7);
    CHECK_EQ(async_shield(async_create_task(give, -EIO)), -EIO);
    CHECK_EQ(async_shield(NULL), -ENOMEM);
    CHECK_EQ(async_shield(async_task_ref(async_current_task())), -EDEADLK);
    return 0;
}

LOOP_TEST(shield_passes_on_the_message_of_the_error)
{
    CHECK_EQ(async_shield(async_create_task(fail_with_message, "the disk is gone")), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: the disk is gone");
    return 0;
}

LOOP_TEST(shield_that_is_cancelled_lets_the_task_go_on)
{
    async_task *task = async_create_task(give_after, 5, 7);
    cancel_self_after(1);
    CHECK_EQ(async_shield(async_task_ref(task)), -ECANCELED);
    CHECK(async_time() == 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_task_cancelling(task), 0);
    CHECK_EQ(async_await(task), 7);
    CHECK(async_time() == 5);
    return 0;
}

LOOP_TEST(shield_in_a_task_that_is_cancelled_already_lets_the_task_go_on)
{
    async_task *task = async_create_task(give_after, 5, 7);
    CHECK(async_task_cancel(async_current_task()));
    CHECK_EQ(async_shield(async_task_ref(task)), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_await(task), 7);
    return 0;
}

static int shield_and_leave(void)
{
    async_task *failing = async_create_task(give_after, 5, -EIO);
    cancel_self_after(1);
    CHECK_EQ(async_shield(failing), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(10), 0);
    abort();
}
async_fn(shield_and_leave);

DEATH_TEST(shield_that_was_cancelled_has_a_later_error_reported,
           "task #2 'give_after'|failed and its result was never retrieved: -EIO")
{
    async_ignore(async_run_with(test_options(), shield_and_leave));
}
