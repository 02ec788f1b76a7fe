/*
 * test_semantics_time.c: when things happen: sleeps last as long as they were asked to, equal
 * deadlines fire in the order they were set whatever set them, and every one of them is counted
 * from a fresh clock.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <math.h>

/* ---- sleeping ------------------------------------------------------------------------------- */

LOOP_TEST(sleep_until_wakes_at_that_time)
{
    double next = 0.125;
    CHECK_EQ(async_sleep(next), 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(async_sleep(0.01), 0); /* time spent between them is not added */
        next += 0.0625;
        CHECK_EQ(async_sleep_until(next), 0);
        CHECK(async_time() == next);
    }
    return 0;
}

static int count_turns_until_cancelled(int *turns)
{
    for (;;) {
        ASYNC_TRY(async_sleep(0));
        ++*turns;
    }
}
async_fn(count_turns_until_cancelled, int *);

LOOP_TEST(sleep_until_a_time_that_has_come_is_one_turn)
{
    const double times[] = {0, -1, -ASYNC_FOREVER};
    int turns = 0;
    async_task *counter = async_create_task(count_turns_until_cancelled, &turns);
    CHECK_EQ(async_sleep(0), 0);
    for (int i = 0; i < 3; i++) {
        int before = turns;
        CHECK_EQ(async_sleep_until(times[i]), 0);
        CHECK_EQ(turns, before + 1);
        CHECK(async_time() == 0);
    }
    CHECK_EQ(async_sleep_until(__builtin_nan("")), -EINVAL);
    async_task_cancel(counter);
    CHECK_EQ(async_await(counter), -ECANCELED);
    CHECK_EQ(async_timeout(3, async_sleep_until(ASYNC_FOREVER)), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(time_starts_at_zero_and_stands_still_between_sleeps)
{
    CHECK(async_time() == 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_time() == 0);
    CHECK_EQ(async_sleep(2.5), 0);
    CHECK(async_time() == 2.5);
    return 0;
}

LOOP_TEST(sleepers_wake_by_their_deadlines_not_by_their_age)
{
    async_task *late = async_create_task(note_name_after, 3, "late");
    async_task *early = async_create_task(note_name_after, 1, "early");
    async_task *middle = async_create_task(note_name_after, 2, "middle");
    CHECK_EQ(async_gather(late, early, middle), 0);
    CHECK_TRACE("early middle late");
    CHECK(async_time() == 3);
    return 0;
}

static int sleep_from_zero(double seconds)
{
    CHECK_EQ(async_sleep(seconds), 0);
    CHECK(async_time() >= seconds);
    CHECK(async_time() - seconds < 1e-6);
    return 0;
}
async_fn(sleep_from_zero, double);

TEST(sleep_is_rounded_up_to_the_resolution_of_the_clock)
{
    static const double lengths[] = {1e-12,   1e-9,     1.5e-9,     0.1,    0.3,
                                     1.0 / 3, 1e-7 / 3, 12345.6789, 4e8 / 3};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        CHECK_EQ(async_run_with(test_options(), sleep_from_zero, lengths[i]), 0);
}

async_fn(async_sleep, double);

LOOP_TEST(sleep_may_be_a_task_of_its_own)
{
    double begin = async_time();
    CHECK_EQ(async_gather(async_create_task(async_sleep, 1), async_create_task(async_sleep, 2)), 0);
    CHECK(async_time() - begin == 2);
    return 0;
}

LOOP_TEST(sleep_of_not_a_number_is_an_error_and_takes_no_time)
{
    CHECK_EQ(async_sleep(NAN), -EINVAL);
    CHECK_EQ(async_sleep(-NAN), -EINVAL);
    CHECK(async_time() == 0);
    return 0;
}

LOOP_TEST(sleep_without_end_lasts_until_it_is_cancelled)
{
    async_task *sleeper = async_create_task(forever);
    CHECK_EQ(async_sleep(1e9), 0);
    CHECK(!async_task_done(sleeper));
    async_task_cancel(sleeper);
    CHECK_EQ(async_await(sleeper), -ECANCELED);
    CHECK(async_time() == 1e9);
    return 0;
}

/* More nanoseconds than the type holds means never, not the past. */
LOOP_TEST(sleep_of_more_than_a_lifetime_does_not_overflow)
{
    static const double lengths[] = {1e10, 9223372036.0, 9223372036.854775, 1e19, 1e300};
    async_task *sleepers[5];
    CHECK_EQ(async_sleep(1000), 0);
    for (size_t i = 0; i < 5; i++)
        sleepers[i] = async_create_task(note_name_after, lengths[i], "too early");
    CHECK_EQ(async_sleep(1), 0);
    for (size_t i = 0; i < 5; i++)
        CHECK(async_task_cancel(sleepers[i]));
    CHECK_EQ(async_gather_n(sleepers, 5, NULL, ASYNC_FIRST_ERROR), -ECANCELED);
    CHECK(async_time() == 1001);
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(a_sleeper_that_was_cancelled_takes_no_time)
{
    async_task *sleeper = async_create_task(note_name_after, 100, "never");
    CHECK_EQ(async_sleep(1), 0);
    async_task_cancel(sleeper);
    CHECK_EQ(async_await(sleeper), -ECANCELED);
    CHECK_EQ(async_sleep(200), 0);
    CHECK(async_time() == 201);
    CHECK_TRACE("");
    return 0;
}

/* ---- equal deadlines ------------------------------------------------------------------------ */

static int note_timeout(double seconds, const char *name)
{
    CHECK_EQ(async_timeout(seconds, async_sleep(100)), -ETIMEDOUT);
    note("%s", name);
    return 0;
}
async_fn(note_timeout, double, const char *);

LOOP_TEST(equal_deadlines_fire_in_the_order_they_were_set)
{
    async_task *tasks[3];
    async_call_later(5, note_argument, "a");
    async_call_at(5, note_argument, "b");
    tasks[0] = async_create_task(note_name_after, 5, "c");
    CHECK_EQ(async_sleep(0), 0);
    tasks[1] = async_create_task(note_timeout, 5, "d");
    CHECK_EQ(async_sleep(0), 0);
    async_call_later(5, note_argument, "e");
    CHECK_EQ(async_sleep(2), 0);
    tasks[2] = async_create_task(note_name_after, 3, "f");
    CHECK_EQ(async_sleep(0), 0);
    async_call_at(5, note_argument, "g");
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("a b c d e f g");
    return 0;
}

static void count_in_order(void *argument)
{
    static int last = -1;
    int number = (int)(intptr_t)argument;
    CHECK(number > last);
    last = number;
}

LOOP_TEST(equal_deadlines_keep_their_order_when_others_are_taken_back)
{
    enum { MANY = 200 };
    async_handle handles[MANY];
    for (int i = 0; i < MANY; i++)
        handles[i] = async_call_later(i % 7 == 0 ? 2 : 5, count_in_order, (void *)(intptr_t)i);
    for (int i = 0; i < MANY; i++)
        if (i % 7 == 0 || i % 3 == 0)
            CHECK(async_handle_cancel(handles[i]));
    CHECK_EQ(async_sleep(5), 0);
    return 0;
}

LOOP_TEST(a_passed_deadline_fires_before_later_ones_set_earlier)
{
    CHECK_EQ(async_sleep(10), 0);
    async_call_later(0, note_argument, "now");
    async_call_at(10, note_argument, "now too");
    async_call_at(3, note_argument, "past");
    async_call_at(-1, note_argument, "before the beginning");
    async_call_later(-20, note_argument, "now again");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("before the beginning past now now too now again");
    return 0;
}

LOOP_TEST(negative_delays_are_zero_and_keep_the_order_of_their_calls)
{
    async_call_later(-1, note_argument, "-1");
    async_call_later(-5, note_argument, "-5");
    async_call_later(0, note_argument, "0");
    async_call_later(-INFINITY, note_argument, "-infinity");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("-1 -5 0 -infinity");
    CHECK_EQ(async_gather(async_create_task(note_name_after, -1, "-1"),
                          async_create_task(note_name_after, 0, "0")),
             0);
    CHECK_TRACE("-1 0");
    return 0;
}

LOOP_TEST(call_later_without_delay_runs_after_everything_already_ready)
{
    async_call_later(0, note_argument, "later");
    async_call_later(-1, note_argument, "not earlier");
    async_call_soon(note_argument, "soon");
    async_task_detach(async_create_task(note_name_after, 0, "task"));
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("soon later not earlier task");
    return 0;
}

LOOP_TEST(due_timers_run_after_tasks_that_were_already_ready)
{
    async_task *sleeper = async_create_task(note_name_after, 1, "sleeper");
    CHECK_EQ(async_sleep(1), 0);
    note("main");
    async_call_soon(note_argument, "callback");
    CHECK_EQ(async_await(sleeper), 0);
    CHECK_TRACE("main sleeper callback");
    return 0;
}

/* ---- a fresh clock -------------------------------------------------------------------------- */

/* The sim backend has only the virtual clock, which stands still while a task runs. */
static bool clock_is_real(void)
{
    return strcmp(test_backend(), "sim") != 0;
}

/* Blocks the loop, which does not read the clock meanwhile. */
static void hold_the_loop(double seconds)
{
    double end = async_time() + seconds;
    while (clock_is_real() && async_time() < end)
        continue;
}

REAL_LOOP_TEST(sleeps_are_counted_from_a_fresh_clock)
{
    async_call_later(0.002, note_argument, "set first");
    hold_the_loop(0.003);
    CHECK_EQ(async_sleep(0.0005), 0);
    note("set last");
    CHECK_TRACE(clock_is_real() ? "set first set last" : "set last");
    return 0;
}

REAL_LOOP_TEST(timeouts_are_counted_from_a_fresh_clock)
{
    async_call_later(0.002, note_argument, "set first");
    hold_the_loop(0.003);
    CHECK_EQ(async_timeout(0.0005, async_sleep(100)), -ETIMEDOUT);
    note("set last");
    CHECK_TRACE(clock_is_real() ? "set first set last" : "set last");
    return 0;
}

REAL_LOOP_TEST(callbacks_are_counted_from_a_fresh_clock)
{
    async_call_later(0.002, note_argument, "set first");
    hold_the_loop(0.003);
    async_call_later(0.0005, note_argument, "set last");
    CHECK_EQ(async_sleep(0.001), 0);
    CHECK_TRACE(clock_is_real() ? "set first set last" : "set last");
    return 0;
}

REAL_LOOP_TEST(real_sleeps_never_end_too_early)
{
    double before = async_time();
    CHECK_EQ(async_sleep(0.0015), 0);
    CHECK(async_time() >= before + 0.0015);
    return 0;
}

TEST(time_goes_on_outside_a_loop)
{
    double first = async_time();
    CHECK(first > 0);
    while (async_time() <= first)
        continue;
}
