/*
 * test_callback.c: call_soon, call_later and call_at with the handles that take them back, and
 * callbacks at the end of a task. When they run is in test_semantics_order.c and
 * test_semantics_time.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/callbacks.h"

#include <math.h>

/* ---- calling -------------------------------------------------------------------------------- */

LOOP_TEST(call_soon_calls_once_each_in_order_and_never_inside_the_call)
{
    async_call_soon(note_argument, "a");
    async_call_soon(note_argument, "b");
    async_call_soon(note_argument, "a");
    CHECK_TRACE("");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("a b a");
    CHECK_EQ(async_sleep(10), 0);
    CHECK_TRACE("");
    return 0;
}

static void call_another(void *name)
{
    note("first");
    async_call_soon(note_argument, name);
    note("still first");
}

LOOP_TEST(call_soon_from_a_callback_runs_in_the_next_iteration)
{
    async_call_soon(call_another, "second");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("first still first");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("second");
    return 0;
}

static void note_time(void *name)
{
    note("%s%g", (const char *)name, async_time());
}

LOOP_TEST(call_later_and_call_at_call_at_their_time)
{
    CHECK_EQ(async_sleep(1), 0);
    async_call_later(2, note_time, "later");
    async_call_at(2, note_time, "at");
    async_call_at(0.5, note_time, "past");
    CHECK_EQ(async_sleep(1.5), 0);
    CHECK_TRACE("past1 at2");
    CHECK_EQ(async_sleep(1.5), 0);
    CHECK_TRACE("later3");
    return 0;
}

LOOP_TEST(call_at_a_time_that_never_comes_is_never_called)
{
    async_handle handles[] = {async_call_later(INFINITY, note_argument, "later"),
                              async_call_at(INFINITY, note_argument, "at"),
                              async_call_at(1e300, note_argument, "at")};
    CHECK_EQ(async_sleep(1e9), 0);
    for (int i = 0; i < 3; i++)
        CHECK(handles[i].id != 0 && async_handle_cancel(handles[i]));
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(call_at_no_time_is_refused)
{
    CHECK_EQ(async_call_later(NAN, note_argument, "never").id, 0);
    CHECK_EQ(async_call_at(NAN, note_argument, "never").id, 0);
    CHECK_EQ(async_sleep(10), 0);
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(callbacks_may_be_many)
{
    int calls = 0;
    for (int i = 0; i < 1000; i++) {
        async_call_soon(count_callback, &calls);
        async_call_later(i % 10, count_callback, &calls);
    }
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(calls, 1000);
    CHECK_EQ(async_sleep(9), 0);
    CHECK_EQ(calls, 2000);
    return 0;
}

/* ---- handles -------------------------------------------------------------------------------- */

LOOP_TEST(handle_takes_a_call_back)
{
    async_handle soon = async_call_soon(note_argument, "soon");
    async_handle later = async_call_later(1, note_argument, "later");
    async_handle at = async_call_at(1, note_argument, "at");
    async_call_soon(note_argument, "other");
    CHECK(async_handle_cancel(soon));
    CHECK(async_handle_cancel(later));
    CHECK(async_handle_cancel(at));
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("other");
    return 0;
}

LOOP_TEST(handle_takes_a_call_back_only_once)
{
    async_handle soon = async_call_soon(note_argument, "soon");
    async_handle later = async_call_later(1, note_argument, "later");
    CHECK(async_handle_cancel(soon) && !async_handle_cancel(soon));
    CHECK(async_handle_cancel(later) && !async_handle_cancel(later));
    CHECK(!async_handle_cancel((async_handle){0}));
    CHECK_EQ(async_sleep(2), 0);
    CHECK(!async_handle_cancel(soon) && !async_handle_cancel(later));
    return 0;
}

/* The record behind the handle is another call's by then. */
LOOP_TEST(handle_that_is_used_late_takes_nothing_back)
{
    async_handle soon = async_call_soon(note_argument, "first");
    async_handle later = async_call_later(1, note_argument, "second");
    CHECK_EQ(async_sleep(1), 0);
    for (int i = 0; i < 100; i++)
        async_call_later(1, note_argument, i == 99 ? "last" : "x");
    CHECK(!async_handle_cancel(soon));
    CHECK(!async_handle_cancel(later));
    CHECK_TRACE("first second");
    CHECK_EQ(async_sleep(0.5), 0);
    CHECK_TRACE("");
    CHECK_EQ(async_sleep(0.5), 0);
    CHECK_EQ(strlen(trace_text), 99 * 2 + strlen("last"));
    return 0;
}

LOOP_TEST(handle_ids_are_never_used_again)
{
    uint64_t last = 0;
    for (int i = 0; i < 300; i++) {
        async_handle handle = async_call_soon(note_argument, "");
        CHECK(handle.id > last);
        last = handle.id;
        if (i % 2 == 0)
            CHECK(async_handle_cancel(handle));
        if (i % 3 == 0)
            CHECK_EQ(async_sleep(0), 0);
        trace_text[0] = '\0';
    }
    return 0;
}

static void cancel_handle(void *handle)
{
    note("cancelled%d", async_handle_cancel(*(async_handle *)handle));
}

LOOP_TEST(handle_can_be_used_in_a_callback_that_runs_before_it)
{
    async_handle soon, later;
    async_call_soon(cancel_handle, &soon);
    async_call_soon(cancel_handle, &later);
    soon = async_call_soon(note_argument, "soon");
    later = async_call_later(0, note_argument, "later");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("cancelled1 cancelled1");
    return 0;
}

LOOP_TEST(handle_of_a_call_that_is_due_can_still_take_it_back)
{
    async_handle second;
    async_call_later(1, cancel_handle, &second);
    second = async_call_later(1, note_argument, "second");
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("cancelled1");
    return 0;
}

LOOP_TEST(handle_of_the_running_call_is_used_too_late)
{
    async_handle itself = async_call_soon(cancel_handle, &itself);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("cancelled0");
    return 0;
}

static int keep_a_handle(async_handle *handle)
{
    *handle = async_call_later(100, note_argument, "never");
    return handle->id != 0 ? 0 : -ENOMEM;
}
async_fn(keep_a_handle, async_handle *);

static int use_a_handle_of_another_loop(const async_handle *handle)
{
    async_handle mine = async_call_later(100, note_argument, "never");
    CHECK_EQ(mine.id, handle->id);
    CHECK(!async_handle_cancel(*handle));
    CHECK(async_handle_cancel(mine));
    return 0;
}
async_fn(use_a_handle_of_another_loop, const async_handle *);

/* Though both count from one, and the memory of the first is gone. */
TEST_EACH_BACKEND(handle_of_a_loop_that_was_closed_takes_nothing_back)
{
    async_handle handle;
    CHECK_EQ(async_run_with(test_options(), keep_a_handle, &handle), 0);
    CHECK_EQ(async_run_with(test_options(), use_a_handle_of_another_loop, &handle), 0);
}

/* ---- at the end of a task ------------------------------------------------------------------- */

static void note_end(async_task *task, void *name)
{
    CHECK(async_task_done(task));
    note("%s%d", (const char *)name, async_task_result(task));
}

LOOP_TEST(done_callbacks_run_in_the_order_they_were_added_after_the_end)
{
    async_task *task = async_create_task(give_after, 1, 7);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "a"), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "b"), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "a"), 0);
    CHECK_EQ(async_sleep(0.5), 0);
    CHECK_TRACE("");
    CHECK_EQ(async_await(task), 7);
    CHECK_TRACE("a7 b7 a7");
    return 0;
}

LOOP_TEST(done_callbacks_added_after_the_end_are_called_soon)
{
    async_task *task = async_create_task(give, 7);
    CHECK_EQ(async_sleep(1), 0);
    async_call_soon(note_argument, "before");
    CHECK_EQ(async_task_add_done_callback(task, note_end, "late"), 0);
    async_call_soon(note_argument, "after");
    CHECK_TRACE("");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("before late7 after");
    async_task_detach(task);
    return 0;
}

LOOP_TEST(done_callbacks_can_use_a_task_without_other_handles)
{
    async_task *task = async_create_task(give, -EIO);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "end"), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "end"), 0);
    async_task_detach(task);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("end-5 end-5");
    return 0;
}

static void keep_task(async_task *task, void *kept)
{
    *(async_task **)kept = async_task_ref(task);
}

LOOP_TEST(done_callbacks_may_keep_the_task)
{
    async_task *kept = NULL, *task = async_create_task(give, 5);
    CHECK_EQ(async_task_add_done_callback(task, keep_task, &kept), 0);
    async_task_detach(task);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(kept == task);
    CHECK_EQ(async_await(kept), 5);
    return 0;
}

static void let_go(async_task *task, void *argument)
{
    (void)argument;
    async_task_detach(task);
}

LOOP_TEST(done_callbacks_may_detach_a_handle_they_own)
{
    async_task *task = async_create_task(give, 5);
    CHECK_EQ(async_task_add_done_callback(task, let_go, NULL), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "then"), 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("then5");
    return 0;
}

LOOP_TEST(done_callbacks_of_a_future_without_handles_are_called)
{
    async_future *future = async_future_new();
    CHECK_EQ(async_task_add_done_callback(future, note_end, "end"), 0);
    async_task_detach(future);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("end-125");
    return 0;
}

LOOP_TEST(done_callbacks_are_taken_back_by_function_and_argument)
{
    static char name[] = "a", same[] = "a";
    async_task *task = async_create_task(give, 1);
    CHECK_EQ(async_task_add_done_callback(task, note_end, name), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, same), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "b"), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, name), 0);
    CHECK_EQ(async_task_add_done_callback(task, keep_task, name), 0);
    CHECK_EQ(async_task_remove_done_callback(task, keep_task, name), 1);
    CHECK_EQ(async_task_remove_done_callback(task, note_end, name), 2);
    CHECK_EQ(async_task_remove_done_callback(task, note_end, name), 0);
    CHECK_EQ(async_await(task), 1);
    CHECK_TRACE("a1 b1");
    return 0;
}

LOOP_TEST(done_callbacks_cannot_be_taken_back_after_the_end)
{
    async_task *task = async_create_task(give, 1);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "a"), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_task_done(task));
    CHECK_TRACE("");
    CHECK_EQ(async_task_remove_done_callback(task, note_end, "a"), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("a1");
    async_task_detach(task);
    return 0;
}

LOOP_TEST(done_callbacks_of_a_cancelled_task_see_it_cancelled)
{
    async_task *task = async_create_task(give_after, INFINITY, 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "end"), 0);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("end-125");
    return 0;
}

LOOP_TEST(done_callbacks_need_a_task_and_a_function)
{
    async_task *task = async_create_task(give, 1);
    CHECK_EQ(async_task_add_done_callback(NULL, note_end, NULL), -EINVAL);
    CHECK_EQ(async_task_add_done_callback(task, NULL, NULL), -EINVAL);
    CHECK_EQ(async_task_remove_done_callback(NULL, note_end, NULL), 0);
    CHECK_EQ(async_task_remove_done_callback(task, NULL, NULL), 0);
    CHECK_EQ(async_await(task), 1);
    return 0;
}

/* ---- misuse --------------------------------------------------------------------------------- */

static void sleep_here(void *argument)
{
    (void)argument;
    async_ignore(async_sleep(0));
}

static int let_a_callback_sleep(void)
{
    async_call_soon(sleep_here, NULL);
    return async_sleep(1);
}
async_fn(let_a_callback_sleep);

DEATH_TEST(a_callback_that_sleeps_dies, "async_sleep was called in a callback|create a task there")
{
    async_ignore(async_run_with(test_options(), let_a_callback_sleep));
}

static void await_here(async_task *task, void *argument)
{
    (void)argument;
    async_ignore(async_await(async_task_ref(task)));
}

static int let_a_done_callback_await(void)
{
    async_task *task = async_create_task(give, 0);
    CHECK_EQ(async_task_add_done_callback(task, await_here, NULL), 0);
    return async_await(task) + async_sleep(1);
}
async_fn(let_a_done_callback_await);

DEATH_TEST(a_done_callback_that_awaits_dies, "async_await was called in a callback")
{
    async_ignore(async_run_with(test_options(), let_a_done_callback_await));
}

static int let_go_of_what_is_lent(void)
{
    async_task *task = async_create_task(give, 0);
    CHECK_EQ(async_task_add_done_callback(task, let_go, NULL), 0);
    async_task_detach(task);
    return async_sleep(1);
}
async_fn(let_go_of_what_is_lent);

DEATH_TEST(a_done_callback_that_detaches_the_borrowed_task_dies,
           "async_task_detach: task #2 'give'|is only borrowed here|async_task_ref")
{
    async_ignore(async_run_with(test_options(), let_go_of_what_is_lent));
}

static int let_go_twice(void)
{
    async_task *task = async_create_task(give, 0);
    CHECK_EQ(async_task_add_done_callback(task, note_end, "end"), 0);
    async_task_detach(task);
    async_task_detach(task);
    return async_sleep(1);
}
async_fn(let_go_twice);

DEATH_TEST(a_pending_done_callback_is_no_handle,
           "async_task_detach: the handle of task #2 'give'|was taken before")
{
    async_ignore(async_run_with(test_options(), let_go_twice));
}

DEATH_TEST(call_soon_without_a_loop_dies,
           "async_call_soon: this thread has no loop|async_call_soon_threadsafe")
{
    async_call_soon(note_argument, "");
}

DEATH_TEST(call_later_without_a_loop_dies, "async_call_later: this thread has no loop")
{
    async_call_later(0, note_argument, "");
}

DEATH_TEST(call_at_without_a_loop_dies, "async_call_at: this thread has no loop")
{
    async_call_at(0, note_argument, "");
}

static int call_nothing(void)
{
    async_call_soon(NULL, NULL);
    return 0;
}
async_fn(call_nothing);

DEATH_TEST(call_soon_of_no_function_dies, "async_call_soon: the function is NULL")
{
    async_ignore(async_run_with(test_options(), call_nothing));
}

DEATH_TEST(handle_used_without_a_loop_dies, "async_handle_cancel: this thread has no loop")
{
    async_handle handle = {0};
    async_ignore(async_run_with(test_options(), keep_a_handle, &handle));
    async_handle_cancel(handle);
}
