/*
 * test_timer.c: sleeping tasks, call_later, call_at and time limits on one heap of deadlines: their
 * order, refused numbers, handles that take calls back, and a million of them.
 */
#include "sched/sched.h"
#include "run/trace.h"
#include "run/callbacks.h"

#include <math.h>
#include <stdlib.h>

static int sleep_and_note(double seconds, const char *letter)
{
    ASYNC_TRY(async_sleep(seconds));
    note("%s", letter);
    return 0;
}
async_fn(sleep_and_note, double, const char *);

/* ---- order ---------------------------------------------------------------------------------- */

LOOP_TEST(timer_fires_in_the_order_of_deadlines)
{
    async_call_later(3, note_argument, "c");
    async_call_later(1, note_argument, "a");
    async_call_at(4, note_argument, "d");
    async_call_at(2, note_argument, "b");
    CHECK_EQ(async_sleep(10), 0);
    CHECK_TRACE("a b c d");
    return 0;
}

LOOP_TEST(timer_fires_equal_deadlines_in_the_order_they_were_set)
{
    async_call_later(2, note_argument, "a");
    async_task *sleeper = async_create_task(sleep_and_note, 2,
                                            "d"); /* sets its timer when it starts */
    async_call_at(2, note_argument, "b");
    async_call_later(2, note_argument, "c");
    CHECK_EQ(async_sleep(0), 0);
    async_call_later(2, note_argument, "e");
    CHECK_EQ(async_await(sleeper), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("a b c d e");
    return 0;
}

/*
 * As in CPython: even a call that is due goes through the timers, which come after the ready queue.
 */
LOOP_TEST(timer_with_zero_delay_fires_after_ready_tasks)
{
    async_call_later(0, note_argument, "c");
    async_call_later(-5, note_argument, "d");
    async_call_at(-1, note_argument, "b");
    async_call_at(-INFINITY, note_argument, "a");
    async_call_soon(note_argument, "1");
    async_call_soon(note_argument, "2");
    CHECK_EQ(async_sleep(1), 0);
    CHECK_TRACE("1 2 a b c d");
    return 0;
}

static void again(void *left)
{
    if (--*(int *)left > 0)
        async_call_later(0, again, left);
}

LOOP_TEST(timer_set_by_a_timer_waits_for_the_next_iteration)
{
    int left = 100;
    async_call_later(0, again, &left);
    CHECK_EQ(async_sleep(0), 0); /* we were ready before it was due, so we run first */
    for (int expected = 100; expected > 0; expected--) {
        CHECK_EQ(left, expected);
        CHECK_EQ(async_sleep(0), 0);
    }
    CHECK_EQ(left, 0);
    CHECK(async_time() == 0);
    return 0;
}

/* ---- numbers -------------------------------------------------------------------------------- */

LOOP_TEST(timer_refuses_what_is_not_a_number)
{
    CHECK_EQ(async_call_later(NAN, note_argument, "x").id, 0);
    CHECK_EQ(async_call_at(NAN, note_argument, "x").id, 0);
    CHECK_EQ(async_sleep(NAN), -EINVAL);
    CHECK_EQ(async_timeout(NAN, async_sleep(1)), -EINVAL);
    CHECK_EQ(async_sleep(100), 0);
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(timer_beyond_all_time_never_fires)
{
    async_handle handles[] = {
        async_call_later(INFINITY, note_argument, "x"), async_call_at(INFINITY, note_argument, "x"),
        async_call_later(1e300, note_argument, "x"), async_call_at(1e10, note_argument, "x")};
    async_task *sleeper = async_create_task(sleep_and_note, INFINITY, "x");
    CHECK_EQ(async_timeout(INFINITY, async_sleep(9e9)), 0);
    CHECK_TRACE("");
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
        CHECK(async_handle_cancel(handles[i]));
    CHECK(async_task_cancel(sleeper));
    CHECK_EQ(async_await(sleeper), -ECANCELED);
    return 0;
}

LOOP_TEST(timer_keeps_exact_time)
{
    for (int i = 1; i <= 1000; i++) {
        CHECK_EQ(async_sleep(0.25), 0);
        CHECK(async_time() == i * 0.25);
    }
    CHECK_EQ(async_sleep(1e-9), 0);
    CHECK(async_time() == (double)250.000000001); /* a constant may be a long double, with x87 */
    CHECK_EQ(async_sleep(1e-12), 0);              /* rounded up: never less */
    CHECK(async_time() == (double)250.000000002);
    return 0;
}

/* ---- taking a call back --------------------------------------------------------------------- */

LOOP_TEST(timer_handle_takes_the_call_back_once)
{
    async_handle handle = async_call_later(1, note_argument, "x"), copy = handle;
    CHECK(handle.id != 0);
    CHECK(async_handle_cancel(copy));
    CHECK(!async_handle_cancel(handle));
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(timer_handle_is_harmless_after_the_call)
{
    async_handle handle = async_call_later(1, note_argument, "a");
    CHECK_EQ(async_sleep(2), 0);
    CHECK(!async_handle_cancel(handle));
    async_handle other = async_call_later(1, note_argument,
                                          "b"); /* in the same memory, most likely */
    CHECK(other.id != handle.id);
    CHECK(!async_handle_cancel(handle));
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("a b");
    return 0;
}

TEST(timer_handle_of_zeros_cancels_nothing)
{
    CHECK(!async_handle_cancel((async_handle){0}));
}

static void take_back(void *handle)
{
    CHECK(async_handle_cancel(*(async_handle *)handle));
    note("t");
}

/* Both are due, and the second is in the ready queue already: it can still be taken back, once. */
LOOP_TEST(timer_that_is_due_can_be_taken_back_by_another)
{
    async_handle handle;
    async_call_later(1, take_back, &handle);
    handle = async_call_later(1, note_argument, "x");
    async_call_later(1, note_argument, "b");
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("t b");
    CHECK(!async_handle_cancel(handle));
    return 0;
}

static void take_back_itself(void *handle)
{
    CHECK(!async_handle_cancel(*(async_handle *)handle));
    note("s");
}

LOOP_TEST(timer_that_is_being_called_cannot_be_taken_back)
{
    async_handle handle = async_call_later(1, take_back_itself, &handle);
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("s");
    return 0;
}

static int leave_a_call(void)
{
    async_call_later(5, note_argument, "x");
    async_call_at(INFINITY, note_argument, "x");
    return 0;
}
async_fn(leave_a_call);

TEST_EACH_BACKEND(timer_that_is_left_when_the_loop_closes_is_never_called)
{
    CHECK_EQ(async_run_with(test_options(), leave_a_call), 0);
    CHECK_TRACE("");
}

static int leave_a_handle(async_handle *handle)
{
    *handle = async_call_later(5, note_argument, "x");
    return 0;
}
async_fn(leave_a_handle, async_handle *);

/* Its first call may well have the number, and lie in the memory, of the other loop's. */
static int take_back_a_stranger(async_handle *strangers)
{
    async_call_later(5, note_argument, "a");
    CHECK(!async_handle_cancel(*strangers));
    CHECK_EQ(async_sleep(6), 0);
    CHECK_TRACE("a");
    return 0;
}
async_fn(take_back_a_stranger, async_handle *);

TEST_EACH_BACKEND(timer_handle_of_a_former_loop_is_harmless)
{
    async_handle handle;
    CHECK_EQ(async_run_with(test_options(), leave_a_handle, &handle), 0);
    CHECK_EQ(async_run_with(test_options(), take_back_a_stranger, &handle), 0);
}

/* ---- many ----------------------------------------------------------------------------------- */

enum { MILLION = 1000000 };

/* A million calls, which note that they came in the right order. */
struct crowd {
    async_handle handles[MILLION];    /* of the calls */
    unsigned char deadlines[MILLION]; /* in whole seconds: many are equal */
    bool taken_back[MILLION];         /* by random */
    size_t called;                    /* how many were */
    size_t last;                      /* the number of the last one */
};

static struct crowd *crowd;

static void check_turn(void *argument)
{
    size_t number = (size_t)(uintptr_t)argument;
    double now = async_time();
    CHECK(!crowd->taken_back[number]);
    CHECK(now == crowd->deadlines[number]);
    if (crowd->called++ > 0 && crowd->deadlines[crowd->last] == crowd->deadlines[number])
        CHECK(crowd->last < number);
    crowd->last = number;
}

static int call_and_take_back(void)
{
    unsigned short random[3] = {1, 6, 1};
    size_t left = MILLION;
    for (size_t i = 0; i < MILLION; i++) {
        crowd->deadlines[i] = (unsigned char)(1 + nrand48(random) % 200);
        crowd->handles[i] = async_call_later(crowd->deadlines[i], check_turn, (void *)(uintptr_t)i);
        CHECK(crowd->handles[i].id != 0);
    }
    for (size_t i = 0; i < MILLION / 2; i++) {
        size_t victim = (size_t)nrand48(random) % MILLION;
        CHECK_EQ(async_handle_cancel(crowd->handles[victim]), !crowd->taken_back[victim]);
        left -= crowd->taken_back[victim] ? 0 : 1;
        crowd->taken_back[victim] = true;
    }
    CHECK_EQ(async_sleep(201), 0);
    CHECK_EQ(crowd->called, left);
    return 0;
}
async_fn(call_and_take_back);

TEST(timer_a_million_calls_come_in_order_or_are_taken_back)
{
    crowd = calloc(1, sizeof *crowd);
    CHECK(crowd != NULL);
    CHECK_EQ(async_run_with(test_options(), call_and_take_back), 0);
    free(crowd);
}

enum { SLEEPERS = 10000 };

static int sleep_and_check(int seconds, int *awake)
{
    CHECK_EQ(async_sleep(seconds), 0);
    CHECK(async_time() == seconds);
    ++*awake;
    return 0;
}
async_fn(sleep_and_check, int, int *);

LOOP_TEST(timer_wakes_ten_thousand_sleeping_tasks_on_time)
{
    static async_task *sleepers[SLEEPERS];
    unsigned short random[3] = {8, 0, 3};
    int awake = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i] = async_create_task(sleep_and_check, (int)(1 + nrand48(random) % 1000), &awake);
        CHECK(sleepers[i] != NULL);
    }
    CHECK_EQ(async_gather_n(sleepers, SLEEPERS, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(awake, SLEEPERS);
    return 0;
}

/* ---- out of memory -------------------------------------------------------------------------- */

LOOP_TEST(timer_without_memory_is_an_error_and_nothing_more)
{
    test_allow_allocations(0);
    CHECK_EQ(async_sleep(1), -ENOMEM);
    CHECK_EQ(async_timeout(1, async_sleep(0)), -ENOMEM);
    CHECK_EQ(async_call_later(1, note_argument, "x").id, 0);
    CHECK_EQ(async_call_at(1, note_argument, "x").id, 0);
    test_allow_allocations(1); /* enough for the call, not for its deadline */
    CHECK_EQ(async_call_later(1, note_argument, "x").id, 0);
    test_allow_allocations(-1);
    async_call_later(1, note_argument, "a");
    CHECK_EQ(async_sleep(2), 0);
    CHECK_TRACE("a");
    return 0;
}

/* ---- misuse --------------------------------------------------------------------------------- */

DEATH_TEST(timer_without_a_loop_dies, "async_call_later: this thread has no loop")
{
    async_call_later(1, note_argument, "x");
}

static int call_null(void)
{
    async_call_at(1, NULL, NULL);
    return 0;
}
async_fn(call_null);

DEATH_TEST(timer_without_a_function_dies, "async_call_at: the function is NULL")
{
    async_ignore(async_run_with(test_options(), call_null));
}

DEATH_TEST(timer_handle_of_a_closed_loop_dies,
           "async_handle_cancel: this thread has no loop, or it was closed")
{
    async_handle handle;
    CHECK_EQ(async_run_with(test_options(), leave_a_handle, &handle), 0);
    async_handle_cancel(handle);
}

/* ---- crowds --------------------------------------------------------------------------------- */

enum { CROWD = 16, CROWD_NS = 250000 };

static int short_waits;
static const struct poller_calls *real_calls;

static int count_short_waits(struct poller *poller, int64_t timeout_ns)
{
    short_waits += timeout_ns > 0 && timeout_ns < CROWD_NS;
    return real_calls->wait(poller, timeout_ns);
}

/* Has so many calls made a microsecond after each other; returns how many were. */
static int call_one_after_the_other(int wanted)
{
    struct async_loop *loop = async_get_loop();
    int count = 0;
    real_calls = loop->poller.calls;
    struct poller_calls counting = *real_calls;
    counting.wait = count_short_waits;
    loop->poller.calls = &counting;
    for (int i = 0; i < wanted; i++)
        async_call_later(0.05 + i * 1e-6, count_callback, &count);
    CHECK_EQ(async_sleep(0.06 + wanted * 1e-6), 0);
    loop->poller.calls = real_calls;
    return count;
}

/*
 * Without timer coalescing there would be a hundred and more wake-ups; at the end, with few timers
 * left, there are a few.
 */
REAL_LOOP_TEST(timers_close_together_share_one_wake_up)
{
    CHECK_EQ(call_one_after_the_other(20000), 20000);
    CHECK(short_waits <= CROWD);
    return 0;
}
