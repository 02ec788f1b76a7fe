/*
 * test_gather.c: async_gather and async_gather_n: results, which error is returned, and the
 * handles. Cancelling a gather, which is as for await: test_semantics_join.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/callbacks.h"

#include <math.h>

static int note_refusal(const char *name)
{
    int result = async_sleep(INFINITY);
    note("%s", name);
    return result;
}
async_fn(note_refusal, const char *);

/* ---- results -------------------------------------------------------------------------------- */

LOOP_TEST(gather_of_nothing_is_done_at_once)
{
    async_task *none[1];
    int results[1] = {77};
    CHECK_EQ(async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(async_gather_n(none, 0, results, ASYNC_RETURN_EXCEPTIONS), 0);
    CHECK_EQ(results[0], 77);
    return 0;
}

LOOP_TEST(gather_of_one_waits_for_it)
{
    CHECK_EQ(async_gather(async_create_task(give_after, 2, 0)), 0);
    CHECK_EQ(async_gather(async_create_task(give_after, 2, -EIO)), -EIO);
    CHECK(async_time() == 4);
    return 0;
}

LOOP_TEST(gather_takes_as_long_as_the_slowest)
{
    async_task *first = async_create_task(note_result_after, 3, 1);
    async_task *second = async_create_task(note_result_after, 1, 2);
    async_task *third = async_create_task(note_result_after, 2, 3);
    CHECK_EQ(async_gather(first, second, third), 0);
    CHECK_TRACE("2 3 1");
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(gather_gives_results_by_position_whatever_the_order_of_ending)
{
    enum { MANY = 1000 };
    static async_task *tasks[MANY];
    static int results[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(give_after, i * 7919 % MANY, i);
    CHECK_EQ(async_gather_n(tasks, MANY, results, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(results[i], i);
    CHECK(async_time() == MANY - 1);
    return 0;
}

LOOP_TEST(gather_gives_the_error_that_came_first_in_time)
{
    async_task *tasks[] = {
        async_create_task(note_result_after, 4, -1), async_create_task(note_result_after, 2, -2),
        async_create_task(note_result_after, 3, -3), async_create_task(note_result_after, 5, 4)};
    int results[4];
    CHECK_EQ(async_gather_n(tasks, 4, results, ASYNC_FIRST_ERROR), -2);
    CHECK_TRACE("-2 -3 -1 4");
    CHECK(results[0] == -1 && results[1] == -2 && results[2] == -3 && results[3] == 4);
    CHECK(async_time() == 5);
    return 0;
}

LOOP_TEST(gather_gives_the_first_of_two_errors_in_one_iteration)
{
    async_task *later = async_create_task(note_result_after, 2, -1);
    CHECK_EQ(async_sleep(1), 0);
    async_task *also = async_create_task(note_result_after, 1, -2);
    CHECK_EQ(async_gather(also, later), -1);
    CHECK_TRACE("-1 -2");
    return 0;
}

LOOP_TEST(gather_counts_a_cancelled_task_as_failed_and_is_not_cancelled_itself)
{
    async_task *tasks[] = {async_create_task(give_after, 2, -EIO),
                           async_create_task(give_after, 9, 0)};
    CHECK(async_call_later(1, cancel_callback, tasks[1]).id != 0);
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), -ECANCELED);
    CHECK(async_time() == 2);
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    return 0;
}

LOOP_TEST(gather_of_tasks_that_have_ended_gives_the_error_that_came_first)
{
    async_task *second = async_create_task(give_after, 2, -2);
    async_task *first = async_create_task(give_after, 1, -1);
    CHECK_EQ(async_sleep(5), 0);
    CHECK_EQ(async_gather(second, first), -1);
    return 0;
}

static int gather_two(int first, int second)
{
    return async_gather(async_create_task(give_after, 1, first),
                        async_create_task(give_after, 2, second));
}
async_fn(gather_two, int, int);

LOOP_TEST(gather_inside_gather)
{
    CHECK_EQ(
        async_gather(async_create_task(gather_two, 0, 0), async_create_task(gather_two, 0, -5)),
        -5);
    return 0;
}

/* ---- collecting errors ---------------------------------------------------------------------- */

LOOP_TEST(gather_collects_errors_as_results)
{
    async_task *tasks[] = {async_create_task(give_after, 1, -EIO),
                           async_create_task(give_after, 2, 5), NULL,
                           async_create_task(give_after, 9, 0)};
    int results[4];
    CHECK(async_call_later(3, cancel_callback, tasks[3]).id != 0);
    CHECK_EQ(async_gather_n(tasks, 4, results, ASYNC_RETURN_EXCEPTIONS), 0);
    CHECK(results[0] == -EIO && results[1] == 5 && results[2] == -ENOMEM &&
          results[3] == -ECANCELED);
    return 0;
}

LOOP_TEST(gather_collects_without_an_array_of_results)
{
    async_task *tasks[] = {async_create_task(give_after, 1, -EIO)};
    CHECK_EQ(async_gather_n(tasks, 1, NULL, ASYNC_RETURN_EXCEPTIONS), 0);
    return 0;
}

static int gather_for_long(int results[1])
{
    async_task *tasks[] = {async_create_task(give_after, 9, 0)};
    return async_gather_n(tasks, 1, results, ASYNC_RETURN_EXCEPTIONS);
}

LOOP_TEST(gather_that_collects_returns_that_it_was_cancelled)
{
    int results[1] = {1};
    CHECK_EQ(async_timeout(1, gather_for_long(results)), -ETIMEDOUT);
    CHECK_EQ(results[0], -ECANCELED);
    CHECK(async_call_later(1, cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(gather_for_long(results), -ECANCELED);
    CHECK_EQ(results[0], -ECANCELED);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

/* ---- NULL, duplicates, misuse --------------------------------------------------------------- */

LOOP_TEST(gather_counts_null_as_the_first_that_failed_and_waits_for_the_others)
{
    async_task *tasks[] = {async_create_task(give_after, 1, -EIO), NULL,
                           async_create_task(give_after, 2, 3)};
    int results[3];
    CHECK_EQ(async_gather_n(tasks, 3, results, ASYNC_FIRST_ERROR), -ENOMEM);
    CHECK(results[0] == -EIO && results[1] == -ENOMEM && results[2] == 3);
    CHECK(async_time() == 2);
    return 0;
}

LOOP_TEST(gather_of_no_array_is_an_error)
{
    int results[2];
    CHECK_EQ(async_gather_n(NULL, 2, results, ASYNC_FIRST_ERROR), -EINVAL);
    CHECK_EQ(async_gather_n(NULL, 2, results, ASYNC_RETURN_EXCEPTIONS), -EINVAL);
    return 0;
}

LOOP_TEST(gather_takes_a_handle_that_occurs_twice_once_and_gives_its_result_twice)
{
    async_task *task = async_create_task(give_after, 1, 6);
    async_task *other = async_create_task(give_after, 2, 8);
    async_task *tasks[] = {task, other, task, task};
    int results[4];
    CHECK_EQ(async_gather_n(tasks, 4, results, ASYNC_FIRST_ERROR), 0);
    CHECK(results[0] == 6 && results[1] == 8 && results[2] == 6 && results[3] == 6);
    return 0;
}

LOOP_TEST(gather_leaves_other_handles_of_its_tasks_valid)
{
    async_task *task = async_create_task(give_after, 1, -EIO);
    CHECK_EQ(async_gather(async_task_ref(task), async_create_task(give_after, 2, 0)), -EIO);
    CHECK_EQ(async_task_result(task), -EIO);
    CHECK_EQ(async_gather(task, task), -EIO);
    return 0;
}

static int gather_twice(void)
{
    async_task *task = async_create_task(give_after, 1, 0);
    CHECK_EQ(async_gather(task), 0);
    return async_gather(task);
}
async_fn(gather_twice);

DEATH_TEST(gather_takes_its_handles,
           "async_gather: the handle of task #2 'give_after'|was taken before")
{
    async_ignore(async_run_with(test_options(), gather_twice));
}

DEATH_TEST(gather_outside_a_task_dies, "async_gather was called outside a task")
{
    async_ignore(async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR));
}

static void gather_nothing(void *argument)
{
    (void)argument;
    async_ignore(async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR));
}

static int gather_in_callback(void)
{
    async_call_soon(gather_nothing, NULL);
    return async_sleep(1);
}
async_fn(gather_in_callback);

DEATH_TEST(gather_in_a_callback_dies, "async_gather was called in a callback")
{
    async_ignore(async_run_with(test_options(), gather_in_callback));
}

/* ---- cancelling, and messages ---------------------------------------------------------------- */

LOOP_TEST(gather_that_is_cancelled_wakes_its_tasks_in_their_order)
{
    async_task *first = async_create_task(note_refusal, "first");
    async_task *second = async_create_task(note_refusal, "second");
    async_task *third = async_create_task(note_refusal, "third");
    CHECK(async_call_later(1, cancel_callback, async_current_task()).id != 0);
    CHECK_EQ(async_gather(first, second, third), -ECANCELED);
    CHECK_TRACE("first second third");
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int fail_after(double seconds, const char *message)
{
    ASYNC_TRY(async_sleep(seconds));
    return async_fail(-EIO, "%s", message);
}
async_fn(fail_after, double, const char *);

LOOP_TEST(gather_passes_on_the_message_of_the_error_it_returns)
{
    async_task *late = async_create_task(fail_after, 3, "the late one");
    async_task *early = async_create_task(fail_after, 1, "the early one");
    async_task *silent = async_create_task(give_after, 2, -EIO);
    CHECK_EQ(async_gather(late, early, silent), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: the early one");
    return 0;
}

LOOP_TEST(gather_passes_on_no_message_if_its_error_has_none)
{
    async_task *late = async_create_task(fail_after, 3, "the late one");
    async_task *silent = async_create_task(give_after, 2, -EIO);
    CHECK_EQ(async_gather(late, silent), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    return 0;
}

static int gather_oneself(int *other)
{
    int results[2] = {1, 1};
    async_task *tasks[2] = {async_task_ref(async_current_task()),
                            async_create_task(give_after, 1, 5)};
    CHECK_EQ(async_gather_n(tasks, 2, results, ASYNC_FIRST_ERROR), -EDEADLK);
    CHECK_EQ(results[0], -EDEADLK);
    *other = results[1];
    return async_task_cancelling(async_current_task());
}
async_fn(gather_oneself, int *);

LOOP_TEST(gather_of_the_calling_task_is_edeadlk_and_waits_for_the_others)
{
    int other = 0;
    CHECK_EQ(async_await(async_create_task(gather_oneself, &other)), 0);
    CHECK_EQ(other, 5);
    async_task *cancelled = async_create_task(gather_oneself, &other);
    async_task_cancel(cancelled);
    CHECK_EQ(async_await(cancelled), 1); /* it is cancelled once */
    return 0;
}
