/*
 * test_future.c: futures: setting them, waiting for them, and that every call that takes tasks
 * takes futures as well.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <stdlib.h>

static int await_future(async_future *future, const char *name)
{
    int result = async_await(future);
    note("%s:%d", name, result);
    return result;
}
async_fn(await_future, async_future *, const char *);

static void set_seven(void *future)
{
    CHECK_EQ(async_future_set_result(future, 7), 0);
    async_task_detach(future);
}

LOOP_TEST(future_gives_the_result_that_a_callback_sets)
{
    async_future *future = async_future_new();
    CHECK(async_call_later(3, set_seven, async_task_ref(future)).id != 0);
    CHECK(!async_task_done(future));
    CHECK_EQ(async_task_result(future), -EINPROGRESS);
    CHECK_EQ(async_await(future), 7);
    CHECK(async_time() == 3);
    return 0;
}

LOOP_TEST(future_that_is_settled_is_not_waited_for)
{
    async_future *future = async_future_new();
    async_task *other = async_create_task(give, 0);
    CHECK_EQ(async_future_set_result(future, 0), 0);
    CHECK(async_task_done(future));
    CHECK_EQ(async_await(future), 0);
    CHECK(!async_task_done(other));
    return async_await(other);
}

LOOP_TEST(future_wakes_all_who_wait_in_the_order_they_came)
{
    async_future *future = async_future_new();
    async_task *a = async_create_task(await_future, async_task_ref(future), "a");
    async_task *b = async_create_task(await_future, async_task_ref(future), "b");
    settle();
    CHECK_EQ(async_future_set_result(future, 1), 0);
    CHECK_TRACE(""); /* no task runs inside this call */
    CHECK_EQ(async_await(a), 1);
    CHECK_EQ(async_await(b), 1);
    CHECK_TRACE("a:1 b:1");
    CHECK_EQ(async_await(future), 1);
    return 0;
}

LOOP_TEST(future_is_settled_once)
{
    async_future *future = async_future_new();
    CHECK_EQ(async_future_set_result(future, 1), 0);
    CHECK_EQ(async_future_set_result(future, 2), -EALREADY);
    CHECK_EQ(async_future_set_exception(future, -EIO, NULL), -EALREADY);
    CHECK(!async_task_cancel(future));
    CHECK_EQ(async_await(future), 1);
    future = async_future_new();
    CHECK(async_task_cancel(future));
    CHECK(async_task_cancelled(future));
    CHECK_EQ(async_future_set_result(future, 2), -EALREADY);
    CHECK_EQ(async_await(future), -ECANCELED);
    return 0;
}

LOOP_TEST(future_passes_on_the_message_of_its_error)
{
    async_future *future = async_future_new();
    CHECK_EQ(async_future_set_exception(future, -EIO, "disk %d is on fire", 3), 0);
    CHECK_EQ(async_await(future), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: disk 3 is on fire");
    future = async_future_new();
    CHECK_EQ(async_future_set_exception(future, -EPROTO, NULL), 0);
    CHECK_EQ(async_await(future), -EPROTO);
    CHECK_STR(async_strerror(-EPROTO), "-EPROTO: Protocol error");
    return 0;
}

LOOP_TEST(future_refuses_an_invalid_result_and_a_task)
{
    async_future *future = async_future_new();
    async_task *task = async_create_task(forever);
    CHECK_EQ(async_future_set_result(future, -1), -EINVAL);
    CHECK_EQ(async_future_set_exception(future, 0, NULL), -EINVAL);
    CHECK_EQ(async_future_set_result(NULL, 0), -EINVAL);
    CHECK_EQ(async_future_set_exception(NULL, -EIO, NULL), -EINVAL);
    CHECK_EQ(async_future_set_result(task, 0), -EINVAL);
    CHECK(!async_task_done(future));
    async_task_detach(future);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

LOOP_TEST(future_cancelled_with_a_reason_passes_it_on)
{
    async_future *future = async_future_new();
    CHECK(async_task_cancel_because(future, "client %d hung up", 7));
    CHECK_EQ(async_await(future), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: client 7 hung up");
    future = async_future_new();
    async_task *a = async_create_task(await_future, async_task_ref(future), "a");
    settle();
    CHECK(async_task_cancel_because(a, "nobody wants it"));
    CHECK_EQ(async_await(future), -ECANCELED); /* the await that was cancelled has cancelled it */
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: nobody wants it");
    return async_await(a) == -ECANCELED ? 0 : -EPROTO;
}

LOOP_TEST(future_without_memory_for_its_reason_is_still_cancelled)
{
    async_future *future = async_future_new();
    test_allow_allocations(1); /* for the reason, none for the future's copy */
    CHECK(async_task_cancel_because(future, "no room"));
    test_allow_allocations(-1);
    CHECK_EQ(async_await(future), -ECANCELED);
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: Operation canceled");
    return 0;
}

LOOP_TEST(future_is_cancelled_when_its_awaiting_task_is)
{
    async_future *future = async_future_new();
    async_task *a = async_create_task(await_future, async_task_ref(future), "a");
    async_task *b = async_create_task(await_future, async_task_ref(future), "b");
    settle();
    async_task_cancel(a);
    CHECK(async_task_cancelled(future)); /* there and then */
    CHECK_EQ(async_future_set_result(future, 1), -EALREADY);
    CHECK_EQ(async_await(a), -ECANCELED);
    /* as in Python, it is cancelled for every awaiting task */
    CHECK_EQ(async_await(b), -ECANCELED);
    async_task_detach(future);
    return 0;
}

LOOP_TEST(future_that_was_set_before_a_cancel_gives_its_result)
{
    async_future *future = async_future_new();
    async_task *a = async_create_task(await_future, async_task_ref(future), "a");
    settle();
    CHECK_EQ(async_future_set_result(future, 1), 0);
    async_task_cancel(a);
    CHECK_EQ(async_await(a), 1);
    async_task_detach(future);
    return 0;
}

LOOP_TEST(future_ends_a_wait_under_a_time_limit_or_after_a_cancel)
{
    CHECK_EQ(async_timeout(2, async_await(async_future_new())), -ETIMEDOUT);
    CHECK_EQ(async_timeout(0, async_await(async_future_new())), -ETIMEDOUT);
    async_task_cancel(async_current_task());
    CHECK_EQ(async_await(async_future_new()), -ECANCELED);
    async_future *future = async_future_new();
    CHECK_EQ(async_future_set_result(future, 3), 0);
    CHECK_EQ(async_await(future), 3); /* a join gives an available result also if it is refused */
    async_task_uncancel(async_current_task());
    return 0;
}

static int await_in_shield(async_future *future)
{
    return async_no_cancel(async_await(future));
}
async_fn(await_in_shield, async_future *);

LOOP_TEST(future_under_a_shield_is_not_cancelled)
{
    async_future *future = async_future_new();
    async_task *task = async_create_task(await_in_shield, async_task_ref(future));
    settle();
    async_task_cancel(task);
    settle();
    CHECK_EQ(async_future_set_result(future, 5), 0);
    CHECK_EQ(async_await(task), 5);
    async_task_detach(future);
    return 0;
}

LOOP_TEST(future_may_be_gathered_with_tasks)
{
    async_future *first = async_future_new(), *second = async_future_new();
    async_task *tasks[] = {first, async_create_task(give_after, 1.0, 4), second, first};
    int results[4];
    async_task_ref(first);
    async_task_ref(second);
    CHECK(async_call_later(2, set_seven, async_task_ref(first)).id != 0);
    CHECK_EQ(async_future_set_exception(second, -EIO, NULL), 0);
    CHECK_EQ(async_gather_n(tasks, 4, results, ASYNC_FIRST_ERROR), -EIO);
    CHECK(results[0] == 7 && results[1] == 4 && results[2] == -EIO && results[3] == 7);
    async_task_detach(first);
    async_task_detach(second);
    return 0;
}

static int gather_two(async_future *future, async_task *task)
{
    return async_gather(future, task);
}
async_fn(gather_two, async_future *, async_task *);

LOOP_TEST(future_does_not_delay_a_cancelled_gather)
{
    for (int moment = 0; moment < 3; moment++) {
        async_future *a = async_future_new(), *b = async_future_new();
        async_task *task = async_create_task(forever);
        async_task *gathering = async_create_task(gather_two, a, task);
        async_task *other = async_create_task(gather_two, async_task_ref(task), b);
        for (int i = 0; i < moment; i++)
            CHECK_EQ(async_sleep(0), 0);
        async_task_cancel(gathering);
        async_task_cancel(other);
        CHECK_EQ(async_await(gathering), -ECANCELED);
        CHECK_EQ(async_await(other), -ECANCELED);
    }
    return 0;
}

LOOP_TEST(future_does_not_delay_a_gather_cancelled_after_its_wake_up)
{
    async_future *first = async_future_new(), *second = async_future_new();
    async_task *gathering = async_create_task(gather_two, async_task_ref(first),
                                              async_task_ref(second));
    settle();
    CHECK_EQ(async_future_set_result(second, 1), 0);
    async_task_cancel(gathering);
    CHECK_EQ(async_await(gathering), -ECANCELED);
    CHECK(async_task_cancelled(first));
    async_task_detach(first);
    async_task_detach(second);
    return 0;
}

/* The errors of a gather: the one that came first counts, be it a task's or a future's. */
LOOP_TEST(future_that_failed_first_is_the_first_to_have_failed)
{
    async_future *future = async_future_new();
    async_task *task = async_create_task(give, -EPERM);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_future_set_exception(future, -EIO, "too late"), 0);
    CHECK_EQ(async_gather(future, task), -EPERM);
    future = async_future_new();
    task = async_create_task(give, -EPERM);
    CHECK_EQ(async_future_set_exception(future, -EIO, "first"), 0);
    CHECK_EQ(async_gather(future, task), -EIO);
    return 0;
}

static void note_end(async_task *task, void *name)
{
    note("%s:%d", (const char *)name, async_task_result(task));
}

LOOP_TEST(future_calls_its_done_callbacks)
{
    async_future *future = async_future_new();
    CHECK_EQ(async_task_add_done_callback(future, note_end, "first"), 0);
    CHECK_EQ(async_task_add_done_callback(future, note_end, "second"), 0);
    CHECK_EQ(async_task_add_done_callback(future, note_end, "gone"), 0);
    CHECK_EQ(async_task_remove_done_callback(future, note_end, "gone"), 0 + 1);
    CHECK_EQ(async_future_set_result(future, 2), 0);
    CHECK_TRACE("");
    settle();
    CHECK_TRACE("first:2 second:2");
    async_task_detach(future);
    return 0;
}

LOOP_TEST(future_is_not_counted_as_a_task)
{
    async_future *future = async_future_new();
    async_task *tasks[4];
    CHECK_EQ(async_all_tasks(tasks, 4), 1);
    CHECK(tasks[0] == async_current_task());
    CHECK_EQ(async_task_stack_used(future), 0);
    CHECK_EQ(async_task_stack_size(future), 0);
    CHECK_EQ(async_task_cancelling(future), 0);
    CHECK_STR(async_task_name(future), "future");
    CHECK_EQ(async_task_set_name(future, "answer"), 0);
    CHECK_STR(async_task_name(future), "answer");
    CHECK(async_task_id(future) > async_task_id(async_current_task()));
    async_task_detach(future);
    return 0;
}

LOOP_TEST(future_without_handles_is_freed)
{
    for (int i = 0; i < 1000; i++) {
        async_task_detach(async_future_new());
        async_future *future = async_future_new();
        async_task *task = async_create_task(await_future, future, "task");
        async_task_cancel(task);
        CHECK_EQ(async_await(task), -ECANCELED);
        trace_text[0] = '\0';
    }
    return 0;
}

static async_future *left;

static int leave_futures(void)
{
    left = async_future_new(); /* no task awaits it */
    CHECK_EQ(async_task_add_done_callback(left, note_end, "never"), 0);
    async_task_detach(async_create_task(await_future, async_future_new(), "waiting"));
    CHECK_EQ(async_sleep(1), 0);
    return 0;
}
async_fn(leave_futures);

TEST_EACH_BACKEND(future_that_is_pending_does_not_delay_the_end_of_the_loop)
{
    async_run_options options = *test_options();
    options.debug = true;
    CHECK_EQ(async_run_with(&options, leave_futures), 0);
    CHECK_TRACE("waiting:-125");
    CHECK_EQ(async_run_with(test_options(), leave_futures), 0);
    CHECK_TRACE("waiting:-125");
}

LOOP_TEST(future_for_which_there_is_no_memory_is_null)
{
    async_future *futures[200];
    int count = 0;
    test_allow_allocations(0);
    while (count < 200 && (futures[count] = async_future_new()) != NULL)
        count++;
    test_allow_allocations(-1);
    CHECK(count < 200);
    CHECK_EQ(async_await(NULL), -ENOMEM);
    while (count-- > 0)
        async_task_detach(futures[count]);
    return 0;
}

LOOP_TEST(future_without_memory_for_its_message_keeps_its_error)
{
    async_future *future = async_future_new();
    test_allow_allocations(0);
    CHECK_EQ(async_future_set_exception(future, -EIO, "a message"), 0);
    test_allow_allocations(-1);
    CHECK_EQ(async_await(future), -EIO);
    return 0;
}

static int fail_a_future(void)
{
    async_future *future = async_future_new();
    CHECK_EQ(async_future_set_exception(future, -EIO, "nobody looks"), 0);
    async_task_detach(future);
    abort();
}
async_fn(fail_a_future);

DEATH_TEST(future_that_failed_unseen_is_reported,
           "'future' (created at |failed and its result was never retrieved")
{
    async_ignore(async_run_with(test_options(), fail_a_future));
}

static int set_a_stale_future(void)
{
    async_future *future = async_future_new();
    async_ignore(async_timeout(0, async_await(future)));
    async_ignore(async_future_set_result(future, 1));
    return 0;
}
async_fn(set_a_stale_future);

DEATH_TEST(future_whose_handle_was_taken_cannot_be_set,
           "async_future_set_result: the handle of task #|was taken before")
{
    async_ignore(async_run_with(test_options(), set_a_stale_future));
}

DEATH_TEST(future_without_a_loop_ends_the_program,
           "async_future_new() was called at |on a thread without a loop")
{
    async_task_detach(async_future_new());
}
