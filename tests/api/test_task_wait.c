/*
 * test_task_wait.c: several tasks that await one handle, and async_task_wait, which borrows it. The
 * wait cancelled at each moment: switching_group.c.
 */
#include "sched/sched.h"
#include "run/coroutines.h"
#include "run/trace.h"
#include <stdlib.h>

/* ---- joins that overlap --------------------------------------------------------------------- */

enum how { AWAIT, GATHER, WAIT_FOR, SHIELD, TIMEOUT, BORROW, HOWS };

static int join_in_some_way(async_task *task, int how)
{
    switch ((enum how)how) {
    case AWAIT:
        return async_await(task);
    case GATHER: {
        int results[2];
        CHECK(async_gather_n((async_task *const[]){task, task}, 2, results,
                             ASYNC_RETURN_EXCEPTIONS) == 0);
        CHECK_EQ(results[0], results[1]);
        return results[0];
    }
    case WAIT_FOR:
        return async_wait_for(task, 100);
    case SHIELD:
        return async_shield(task);
    case TIMEOUT:
        return async_timeout(100, async_await(task));
    case BORROW:
        return async_task_wait(task);
    case HOWS:
        break;
    }
    abort();
}
async_fn(join_in_some_way, async_task *, int);

/* Tasks that are created next have other records than the one whose handle was taken. */
static void check_innocents(void)
{
    async_task *tasks[8];
    for (int i = 0; i < 8; i++)
        tasks[i] = async_create_task(give_after, 0.5, 1000 + i);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(async_await(tasks[i]), 1000 + i);
}

LOOP_TEST(task_awaited_by_two_at_once_gives_both_its_result)
{
    for (int first = 0; first < HOWS; first++) {
        for (int second = 0; second < HOWS; second++) {
            async_task *task = async_create_task(give_after, 1, 7);
            async_task *other = async_create_task(join_in_some_way, task, first);
            CHECK_EQ(join_in_some_way(task, second), 7);
            check_innocents();
            CHECK_EQ(async_await(other), 7);
            if (first == BORROW && second == BORROW)
                async_task_detach(task);
        }
    }
    return 0;
}

/* The task has ended, and the first that awaits it has not run yet. */
static int await_late(async_event *event, async_task *task)
{
    ASYNC_TRY(async_event_wait(event));
    return async_await(task);
}
async_fn(await_late, async_event *, async_task *);

static int set_and_give(async_event *event, int result)
{
    ASYNC_TRY(async_sleep(1));
    async_event_set(event); /* before its end: the second runs first */
    return result;
}
async_fn(set_and_give, async_event *, int);

LOOP_TEST(task_awaited_when_it_has_ended_and_another_is_about_to_take_it)
{
    async_event event = {0};
    async_task *task = async_create_task(set_and_give, &event, 7);
    async_task *second = async_create_task(await_late, &event, task);
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(second), 7);
    return 0;
}

static int fail_later(void)
{
    ASYNC_TRY(async_sleep(1));
    return async_fail(-EIO, "the disk is gone");
}
async_fn(fail_later);

static int await_and_see(async_task *task)
{
    CHECK_EQ(async_await(task), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: the disk is gone");
    return 0;
}
async_fn(await_and_see, async_task *);

LOOP_TEST(task_awaited_by_many_gives_each_its_message)
{
    async_task *task = async_create_task(fail_later);
    async_task *others[] = {async_create_task(await_and_see, task),
                            async_create_task(await_and_see, task)};
    CHECK_EQ(await_and_see(task), 0);
    return async_gather_n(others, 2, NULL, ASYNC_FIRST_ERROR);
}

/*
 * As in Python: a cancelled task cancels the task it awaits, and the other awaiting task gets that
 * as the result.
 */
LOOP_TEST(task_awaited_by_two_is_cancelled_by_one_for_both)
{
    async_task *task = async_create_task(forever);
    async_task *other = async_create_task(join_in_some_way, task, AWAIT);
    CHECK_EQ(async_timeout(1, async_await(task)), -ETIMEDOUT);
    CHECK_EQ(async_await(other), -ECANCELED);
    return 0;
}

/* One reference more than needed would be a leak, one less a record that is freed twice. */
LOOP_TEST(task_awaited_by_two_drops_only_the_references_they_took)
{
    async_task *task = async_create_task(give_after, 1, 7);
    async_task *kept = async_task_ref(task);
    async_task *other = async_create_task(join_in_some_way, task, AWAIT);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(other), 7);
    CHECK_EQ(kept->references, 0); /* each of two awaits had one to take */

    task = async_create_task(give_after, 1, 7);
    kept = async_task_ref(async_task_ref(task));
    other = async_create_task(join_in_some_way, task, AWAIT);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(other), 7);
    CHECK_EQ(kept->references, 1);
    CHECK_EQ(kept->reserved, 0);
    async_task_detach(kept);
    return 0;
}

LOOP_TEST(task_detached_while_another_awaits_it_stays_until_that_has_its_result)
{
    async_task *task = async_create_task(give_after, 1, 7);
    async_task *other = async_create_task(join_in_some_way, task, AWAIT);
    CHECK_EQ(async_sleep(0), 0);
    async_task_detach(task);
    check_innocents();
    CHECK_EQ(async_await(other), 7);
    return 0;
}

static void note_end(async_task *task, void *argument)
{
    note("%s%d", (const char *)argument, async_task_result(task));
}

LOOP_TEST(task_awaited_by_two_has_its_done_callbacks_called)
{
    async_task *task = async_create_task(give_after, 1, 7);
    async_task *other = async_create_task(join_in_some_way, task, AWAIT);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "a"), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "b"), 0);
    CHECK_EQ(async_await(task), 7);
    CHECK_EQ(async_await(other), 7);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("a7 b7");
    return 0;
}

LOOP_TEST(future_awaited_by_many_through_one_handle_gives_all_its_result)
{
    async_future *future = async_future_new();
    async_task *others[8];
    for (int i = 0; i < 8; i++)
        others[i] = async_create_task(join_in_some_way, future, AWAIT);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(async_future_set_result(future, 7), 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(async_await(others[i]), 7);
    return 0;
}

static int await_main(async_task *main_task)
{
    return async_await(main_task);
}
async_fn(await_main, async_task *);

LOOP_TEST(task_main_awaited_by_its_own_child_ends_in_order)
{
    async_task_detach(async_create_task(await_main, async_current_task()));
    return async_sleep(1);
}

static int await_after_another(void)
{
    async_task *task = async_create_task(give, 7);
    CHECK_EQ(async_await(async_create_task(join_in_some_way, task, AWAIT)), 7);
    for (int i = 0; i < 10; i++) /* fewer than rest */
        CHECK_EQ(async_await(async_create_task(give, i)), i);
    return async_await(task);
}
async_fn(await_after_another);

DEATH_TEST(task_awaited_after_another_took_the_handle_names_that_task,
           "async_await: the handle of task #2 'give' (created at |was taken before, by task #3 "
           "'join_in_some_way'|async_task_wait waits without taking it")
{
    async_ignore(async_run_with(test_options(), await_after_another));
}

/* ---- async_task_wait ------------------------------------------------------------------------ */

LOOP_TEST(task_wait_gives_the_result_and_leaves_the_handle)
{
    async_task *task = async_create_task(give_after, 1, 7);
    CHECK_EQ(async_task_wait(task), 7);
    CHECK(async_time() == 1);
    CHECK_EQ(async_task_wait(task), 7); /* also of one that has ended */
    CHECK_EQ(async_task_wait(NULL), -ENOMEM);
    CHECK_EQ(async_task_wait(async_current_task()), -EDEADLK);
    return async_await(task) == 7 ? 0 : -EINVAL;
}

static int load(double seconds, int result)
{
    return async_sleep(seconds) < 0 ? -ECANCELED
           : result < 0             ? async_fail(result, "no such user")
                                    : result;
}
async_fn(load, double, int);

LOOP_TEST(task_wait_gives_an_error_with_its_message_and_marks_it_retrieved)
{
    async_task *task = async_create_task(load, 1, -ENOENT);
    CHECK_EQ(async_task_wait(task), -ENOENT);
    CHECK_STR(async_strerror(-ENOENT), "-ENOENT: no such user");
    async_task_detach(task); /* nothing is reported */
    return 0;
}

/* A request to cancel ends the wait and not the awaited task. */
LOOP_TEST(task_wait_that_is_cancelled_leaves_the_task_to_others)
{
    async_task *task = async_create_task(load, 3, 7);
    async_task *other = async_create_task(join_in_some_way, task, BORROW);
    CHECK_EQ(async_timeout(1, async_task_wait(task)), -ETIMEDOUT);
    async_task_cancel(async_current_task());
    CHECK_EQ(async_task_wait(task), -ECANCELED);
    async_task_uncancel(async_current_task());
    CHECK_EQ(async_await(other), 7);
    return async_await(task) == 7 ? 0 : -EINVAL;
}

LOOP_TEST(task_wait_outlasts_the_last_handle)
{
    async_task *task = async_create_task(load, 1, 7);
    async_task *others[] = {async_create_task(join_in_some_way, task, BORROW),
                            async_create_task(join_in_some_way, task, BORROW)};
    CHECK_EQ(async_sleep(0), 0);
    async_task_detach(task);
    CHECK_EQ(async_await(others[0]), 7);
    check_innocents();
    CHECK_EQ(async_await(others[1]), 7);
    return 0;
}

/* Nothing could set it any more. */
LOOP_TEST(task_wait_for_a_future_whose_last_handle_goes_is_cancelled)
{
    async_future *future = async_future_new();
    async_task *other = async_create_task(join_in_some_way, future, BORROW);
    CHECK_EQ(async_sleep(0), 0);
    async_task_detach(future);
    CHECK_EQ(async_await(other), -ECANCELED);
    return 0;
}

LOOP_TEST(task_wait_started_outlasts_the_last_handle_too)
{
    async_task *task = async_create_task(load, 1, -EIO);
    async_future *future = async_future_new();
    CHECK_EQ(async_timeout(0.5, async_task_wait_started(task)), -ETIMEDOUT);
    CHECK_EQ(async_task_wait_started(task), -EIO);
    CHECK_EQ(task->references, 1);
    async_task_detach(task);
    async_task_detach(future);
    return 0;
}

LOOP_TEST(task_wait_needs_no_handle_of_a_child_of_a_group)
{
    ASYNC_TASK_GROUP_WITH(group, .discard = true);
    async_task *child = async_group_create_task(&group, load, 1, 7);
    CHECK_EQ(async_task_wait(child), 7);
    return async_group_wait(&group);
}
