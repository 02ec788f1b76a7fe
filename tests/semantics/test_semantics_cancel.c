/*
 * test_semantics_cancel.c: the rules of cancellation in which C differs from Python: it stays until
 * answered, every switching call is refused at its entry at the price of one turn, and of an effect
 * and a request the one that came first wins. How a request travels through joins is in
 * test_semantics_join.c.
 */
#include "run/coroutines.h"
#include "run/trace.h"
#include "run/queues.h"
#include "run/callbacks.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Asks the running task to cancel. */
static void cancel_myself(void)
{
    CHECK(async_task_cancel(async_current_task()));
}

/* ---- it stays until answered ---------------------------------------------------------------- */

LOOP_TEST(cancellation_stays_until_answered)
{
    cancel_myself();
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_sleep(0), -ECANCELED);
    CHECK(async_time() == 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_time() == 1);
    return 0;
}

LOOP_TEST(cancellation_ends_when_every_request_was_answered)
{
    cancel_myself();
    cancel_myself();
    cancel_myself();
    CHECK_EQ(async_task_cancelling(async_current_task()), 3);
    CHECK_EQ(async_task_uncancel(async_current_task()), 2);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 1);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(1), 0);
    return 0;
}

LOOP_TEST(cancellation_cannot_be_answered_in_advance)
{
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    cancel_myself();
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int answer_and_go_on(void)
{
    CHECK_EQ(async_sleep(10), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(10), -ECANCELED);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    ASYNC_TRY(async_sleep(10));
    return 7;
}
async_fn(answer_and_go_on);

LOOP_TEST(cancellation_can_be_requested_again_after_an_answer)
{
    async_task *task = async_create_task(answer_and_go_on);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_await(task), 7);
    CHECK(async_time() == 12);
    return 0;
}

/* ---- refused at entry ----------------------------------------------------------------------- */

LOOP_TEST(a_refused_call_has_no_effect_though_it_need_not_have_waited)
{
    async_auto_queue *queue = new_queue(2, sizeof(int));
    int item = 1;
    CHECK_EQ(async_queue_put(queue, &item), 0);
    cancel_myself();
    item = 2;
    CHECK_EQ(async_queue_put(queue, &item), -ECANCELED);
    CHECK_EQ(async_queue_get(queue, &item), -ECANCELED);
    CHECK_EQ(item, 2);
    CHECK_EQ(async_queue_qsize(queue), 1);
    async_task_uncancel(async_current_task());
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_EQ(item, 1);
    return 0;
}

LOOP_TEST(a_refused_call_has_no_effect_though_its_descriptor_is_ready)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    cancel_myself();
    CHECK_EQ(async_wait_readable(ends[0]), -ECANCELED);
    CHECK_EQ(async_wait_writable(ends[1]), -ECANCELED);
    async_task_uncancel(async_current_task());
    CHECK_EQ(async_wait_readable(ends[0]), 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

LOOP_TEST(a_call_is_refused_whatever_its_arguments)
{
    cancel_myself();
    CHECK_EQ(async_sleep(NAN), -ECANCELED);
    CHECK_EQ(async_wait_readable(-1), -ECANCELED);
    async_task_uncancel(async_current_task());
    return 0;
}

LOOP_TEST(calls_that_never_switch_are_never_refused)
{
    async_auto_queue *queue = new_queue(1, sizeof(int));
    int item = 5;
    cancel_myself();
    CHECK_EQ(async_queue_put_nowait(queue, &item), 0);
    CHECK_EQ(async_queue_get_nowait(queue, &item), 0);
    async_queue_task_done(queue);
    async_task *task = async_create_task(forever);
    CHECK(task != NULL && async_task_cancel(task));
    async_task_detach(task);
    CHECK(async_handle_cancel(async_call_soon(note_argument, "never")));
    CHECK_EQ(async_call_soon_threadsafe(async_get_loop(), note_argument, "sent"), 0);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("sent");
    return 0;
}

/* ---- one turn a refusal --------------------------------------------------------------------- */

LOOP_TEST(a_refused_call_gives_the_loop_exactly_one_turn)
{
    int turns = 0, item = 0;
    async_auto_queue *queue = new_queue(1, sizeof(int));
    async_task *counter = async_create_task(count_turns, &turns);
    cancel_myself();
    CHECK_EQ(async_sleep(100), -ECANCELED);
    CHECK_EQ(turns, 1);
    CHECK_EQ(async_sleep(0), -ECANCELED);
    CHECK_EQ(turns, 2);
    CHECK_EQ(async_queue_put(queue, &item), -ECANCELED);
    CHECK_EQ(turns, 3);
    CHECK_EQ(async_queue_join(queue), -ECANCELED);
    CHECK_EQ(turns, 4);
    async_task_uncancel(async_current_task());
    turns = -1;
    return async_await(counter);
}

static int ignore_everything(const bool *enough)
{
    while (!*enough)
        async_ignore(async_sleep(1));
    return 42;
}
async_fn(ignore_everything, const bool *);

LOOP_TEST(a_task_that_ignores_its_cancellation_starves_no_other)
{
    bool enough = false;
    async_task *stubborn = async_create_task(ignore_everything, &enough);
    async_task_cancel(stubborn);
    async_call_later(0, note_argument, "timer");
    for (int i = 0; i < 500; i++)
        CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_done(stubborn));
    CHECK_TRACE("timer");
    enough = true;
    CHECK_EQ(async_await(stubborn), 42);
    return 0;
}

/* ---- before the first step ------------------------------------------------------------------ */

static int own(char *text, char *copy)
{
    int result = async_sleep(1);
    strcpy(copy, text);
    free(text);
    return result;
}
async_fn(own, char *, char *);

LOOP_TEST(a_task_cancelled_before_its_first_step_runs_and_is_refused)
{
    char copy[8] = "";
    char *text = strdup("owned");
    async_task *task = async_create_task(own, text, copy);
    CHECK(async_task_cancel(task));
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_STR(copy, "owned");
    CHECK(async_time() == 0);
    return 0;
}

static int never_switch(int result)
{
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    return result;
}
async_fn(never_switch, int);

LOOP_TEST(a_task_cancelled_before_its_first_step_may_succeed_without_a_switch)
{
    async_task *task = async_create_task(never_switch, 5);
    async_task_cancel(task);
    CHECK_EQ(async_await(async_task_ref(task)), 5);
    CHECK(!async_task_cancelled(task));
    async_task_detach(task);
    return 0;
}

/* ---- a body's own result always stands ------------------------------------------------------ */

LOOP_TEST(a_body_s_own_result_always_stands)
{
    static const int results[] = {0, 7, -EIO};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        async_task *task = async_create_task(give_when_cancelled, results[i]);
        CHECK_EQ(async_sleep(0), 0);
        async_task_cancel(task);
        CHECK_EQ(async_await(async_task_ref(task)), results[i]);
        CHECK(!async_task_cancelled(task));
        async_task_detach(task);
    }
    return 0;
}

static int cancel_too_late(void)
{
    cancel_myself();
    return 3;
}
async_fn(cancel_too_late);

LOOP_TEST(a_request_that_came_too_late_changes_nothing)
{
    async_task *task = async_create_task(cancel_too_late);
    CHECK_EQ(async_await(async_task_ref(task)), 3);
    CHECK(!async_task_cancel(task));
    CHECK_EQ(async_task_cancelling(task), 0);
    CHECK_EQ(async_await(task), 3);
    return 0;
}

/* ---- whichever came first wins -------------------------------------------------------------- */

static int sleep_and_be_refused_next(void)
{
    CHECK_EQ(async_sleep(5), 0);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_sleep(5), -ECANCELED);
    return 0;
}
async_fn(sleep_and_be_refused_next);

LOOP_TEST(whichever_came_first_wins_for_a_sleeper_that_was_due)
{
    async_task *sleeper = async_create_task(sleep_and_be_refused_next);
    async_call_at(5, cancel_callback, sleeper); /* after the sleeper was woken and before it runs */
    CHECK_EQ(async_await(sleeper), 0);
    CHECK(async_time() == 5);
    return 0;
}

static int get_and_be_refused_next(async_queue *queue, int *item)
{
    CHECK_EQ(async_queue_get(queue, item), 0);
    CHECK_EQ(async_queue_get(queue, item), -ECANCELED);
    return 0;
}
async_fn(get_and_be_refused_next, async_queue *, int *);

LOOP_TEST(whichever_came_first_wins_for_an_item_handed_over)
{
    int item = 0;
    async_auto_queue *queue = new_queue(0, sizeof item);
    async_task *getter = async_create_task(get_and_be_refused_next, queue, &item);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_queue_put_nowait(queue, &(int){33}), 0);
    async_task_cancel(getter);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(item, 33);
    return 0;
}

static int fail_to_get(async_queue *queue, int *item)
{
    CHECK_EQ(async_queue_get(queue, item), -ECANCELED);
    return 0;
}
async_fn(fail_to_get, async_queue *, int *);

LOOP_TEST(whichever_came_first_wins_for_an_item_that_comes_after_the_request)
{
    int item = 0;
    async_auto_queue *queue = new_queue(0, sizeof item);
    async_task *getter = async_create_task(fail_to_get, queue, &item);
    CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(getter);
    CHECK_EQ(async_queue_put_nowait(queue, &(int){33}), 0);
    CHECK_EQ(async_await(getter), 0);
    CHECK_EQ(async_queue_qsize(queue), 1);
    return 0;
}
