/*
 * test_semantics_order.c: the order in which tasks run: the ready queue is first come first served,
 * an iteration runs the tasks that were ready when it began, sleep(0) is one turn, and a call that
 * need not wait lets no other task run.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <math.h>

/* Writes "a1 a2 a3", a turn of the loop after each. */
static int note_turns(const char *name, int turns)
{
    for (int i = 1; i <= turns; i++) {
        note("%s%d", name, i);
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}
async_fn(note_turns, const char *, int);

/* ---- the ready queue ------------------------------------------------------------------------ */

LOOP_TEST(a_new_task_starts_after_everything_already_ready)
{
    async_task_detach(async_create_task(note_name, "first"));
    async_call_soon(note_argument, "callback");
    async_task_detach(async_create_task(note_name, "second"));
    note("creator");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("creator first callback second");
    return 0;
}

LOOP_TEST(tasks_take_turns_in_the_order_they_came)
{
    async_task *a = async_create_task(note_turns, "a", 3);
    async_task *b = async_create_task(note_turns, "b", 2);
    async_task *c = async_create_task(note_turns, "c", 3);
    CHECK_EQ(async_gather(a, b, c), 0);
    CHECK_TRACE("a1 b1 c1 a2 b2 c2 a3 c3");
    return 0;
}

/* On the real clock tasks go straight on to one another, 32 at most before the clock is read. */
REAL_LOOP_TEST(first_come_first_served_holds_for_many_more_than_one_batch)
{
    enum { MANY = 40 };
    static char names[MANY][8], expected[2 * MANY * 8];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        if (i % 3 == 0)
            async_call_soon(note_argument, names[i]);
        else
            async_task_detach(async_create_task(note_name, names[i]));
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%d",
                 i > 0 ? " " : "", i);
    }
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE(expected);
    return 0;
}

static int breed(int generations)
{
    note("child%d", generations);
    if (generations > 1)
        async_task_detach(async_create_task(note_name, "grandchild"));
    return 0;
}
async_fn(breed, int);

LOOP_TEST(a_task_that_becomes_ready_in_an_iteration_runs_in_the_next)
{
    async_call_later(0, note_argument, "timer");
    async_task_detach(async_create_task(breed, 2));
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("child2 timer grandchild");
    return 0;
}

static void breed_callbacks(void *count)
{
    int *left = count;
    note("callback%d", *left);
    if (--*left > 0)
        async_call_soon(breed_callbacks, left);
}

LOOP_TEST(callbacks_that_ask_for_callbacks_do_not_hold_up_timers)
{
    int left = 3;
    async_call_soon(breed_callbacks, &left);
    async_call_later(0, note_argument, "timer");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("callback3 timer callback2 callback1");
    return 0;
}

/* ---- one turn ------------------------------------------------------------------------------- */

/* Counts the iterations of the loop until it is cancelled. */
static int count_turns_until_cancelled(int *turns)
{
    while (async_sleep(0) == 0)
        ++*turns;
    return 0;
}
async_fn(count_turns_until_cancelled, int *);

static async_task *start_counting(int *turns)
{
    *turns = 0;
    async_task *counter = async_create_task(count_turns_until_cancelled, turns);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(*turns, 0);
    return counter;
}

static int stop_counting(async_task *counter)
{
    CHECK(async_task_cancel(counter));
    return async_await(counter);
}

LOOP_TEST(sleep_of_zero_is_exactly_one_turn)
{
    int turns;
    async_task *counter = start_counting(&turns);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(turns, 1);
    CHECK_EQ(async_sleep(-5), 0);
    CHECK_EQ(turns, 2);
    CHECK_EQ(async_sleep(-INFINITY), 0);
    CHECK_EQ(turns, 3);
    CHECK(async_time() == 0);
    return stop_counting(counter);
}

LOOP_TEST(sleep_of_the_least_time_waits_for_the_clock)
{
    int turns;
    async_task *counter = start_counting(&turns);
    CHECK_EQ(stop_counting(counter), 0);
    CHECK_EQ(async_sleep(1e-12), 0);
    CHECK(async_time() > 0);
    return 0;
}

LOOP_TEST(waits_that_need_not_wait_do_not_switch)
{
    int turns;
    async_task *done = async_create_task(note_name, "done");
    async_task *counter = start_counting(&turns);
    async_task *none[1] = {NULL};
    CHECK_EQ(async_await(async_task_ref(done)), 0);
    CHECK_EQ(async_gather(async_task_ref(done)), 0);
    CHECK_EQ(async_timeout(1, async_await(async_task_ref(done))), 0);
    CHECK_EQ(async_no_cancel(async_await(done)), 0);
    CHECK_EQ(async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(async_gather_n(none, 1, NULL, ASYNC_FIRST_ERROR), -ENOMEM);
    CHECK_EQ(async_await(NULL), -ENOMEM);
    CHECK_EQ(async_sleep(NAN), -EINVAL);
    CHECK_EQ(turns, 0);
    return stop_counting(counter);
}

static void do_nothing_with(async_task *task, void *argument)
{
    (void)task;
    (void)argument;
}

LOOP_TEST(calls_that_never_switch_let_no_task_run)
{
    int turns;
    async_task *all[8], *counter = start_counting(&turns);
    async_task *other = async_create_task(forever);
    async_task_cancel(other);
    async_handle handle = async_call_later(1, note_argument, "never");
    CHECK(async_handle_cancel(handle));
    CHECK(async_all_tasks(all, 8) >= 3 && async_current_task() == all[0]);
    CHECK_EQ(async_task_result(other), -EINPROGRESS);
    CHECK_EQ(async_task_add_done_callback(other, do_nothing_with, NULL), 0);
    CHECK_EQ(async_task_remove_done_callback(other, do_nothing_with, NULL), 1);
    CHECK_EQ(async_task_set_name(other, "other"), 0);
    CHECK(async_task_cancelling(async_current_task()) == 0 &&
          async_task_uncancel(async_current_task()) == 0 && async_task_cancelling(other) == 1);
    async_task_detach(other);
    CHECK_EQ(turns, 0);
    return stop_counting(counter);
}

/* ---- who waits for the same ----------------------------------------------------------------- */

static int note_end_of(const char *name, async_task *task)
{
    int result = async_await(task);
    note("%s", name);
    return result;
}
async_fn(note_end_of, const char *, async_task *);

static void note_done(async_task *task, void *name)
{
    note("%s", (const char *)name);
    CHECK(async_task_done(task));
}

LOOP_TEST(tasks_that_await_one_task_go_on_in_the_order_they_came)
{
    async_task *task = async_create_task(note_turns, "t", 2);
    async_task *first = async_create_task(note_end_of, "first", async_task_ref(task));
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_done, "second"), 0);
    async_task *third = async_create_task(note_end_of, "third", async_task_ref(task));
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_task_add_done_callback(task, note_done, "fourth"), 0);
    CHECK_EQ(async_gather(third, first, task), 0);
    CHECK_TRACE("t1 t2 first second third fourth");
    return 0;
}

LOOP_TEST(a_waiting_task_never_runs_inside_the_end_of_the_awaited_task)
{
    async_task *task = async_create_task(note_name, "task");
    async_task *waiter = async_create_task(note_end_of, "waiter", task);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("task waiter");
    task = async_create_task(note_turns, "task", 1);
    async_task_detach(waiter);
    waiter = async_create_task(note_end_of, "waiter", task);
    async_task *neighbour = async_create_task(note_turns, "neighbour", 2);
    CHECK_EQ(async_gather(waiter, neighbour), 0);
    CHECK_TRACE("task1 neighbour1 neighbour2 waiter");
    return 0;
}
