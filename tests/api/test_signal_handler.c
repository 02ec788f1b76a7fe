/*
 * test_signal_handler.c: async_add_signal_handler, and signals in a child of fork().
 */
#include "run/coroutines.h"
#include "run/forks.h"
#include "run/trace.h"

#include <time.h>

static void send(int number)
{
    CHECK_EQ(raise(number), 0);
}

static void (*action_of(int number))(int)
{
    struct sigaction now;
    CHECK_EQ(sigaction(number, NULL, &now), 0);
    return now.sa_handler;
}

/* A signal handler that must not be called. */
static void forbid_call(int number, void *unused)
{
    (void)number, (void)unused;
    CHECK(false);
}

static int note_next(async_signals *signals)
{
    int result = async_signals_next(signals);
    note("%d", result);
    return result;
}
async_fn(note_next, async_signals *);

/* ---- handlers -------------------------------------------------------------------------------- */

static void note_signal(int number, void *text)
{
    note("%s%d", (const char *)text, number);
}

LOOP_TEST(signal_handler_is_called_once_for_all_that_came)
{
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, note_signal, "a"));
    send(SIGUSR1);
    send(SIGUSR1);
    CHECK_TRACE("");
    settle();
    CHECK_TRACE("a10");
    settle();
    CHECK_TRACE("");
    send(SIGUSR1);
    settle();
    CHECK_TRACE("a10");
    CHECK(async_remove_signal_handler(SIGUSR1));
    CHECK(!async_remove_signal_handler(SIGUSR1));
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    return 0;
}

LOOP_TEST(signal_handler_is_replaced_by_another_one)
{
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, note_signal, "a"));
    ASYNC_TRY(async_add_signal_handler(SIGUSR2, note_signal, "b"));
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, note_signal, "c"));
    send(SIGUSR1);
    settle();
    send(SIGUSR2);
    settle();
    CHECK_TRACE("c10 b12");
    return 0; /* the loop removes them */
}

LOOP_TEST(signal_handler_that_is_removed_is_not_called)
{
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, note_signal, "a"));
    send(SIGUSR1);
    CHECK(async_remove_signal_handler(SIGUSR1));
    settle();
    CHECK_TRACE("");
    CHECK(!async_remove_signal_handler(SIGKILL));
    CHECK(!async_remove_signal_handler(-5));
    return 0;
}

static void remove_oneself(int number, void *unused)
{
    (void)unused;
    CHECK(async_remove_signal_handler(number));
    note("removed");
}

LOOP_TEST(signal_handler_may_remove_itself)
{
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, remove_oneself, NULL));
    send(SIGUSR1);
    send(SIGUSR1);
    settle();
    CHECK_TRACE("removed");
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    return 0;
}

static int take_next(async_signals *signals)
{
    return async_signals_next(signals);
}
async_fn(take_next, async_signals *);

static void create_a_task(int number, void *unused)
{
    (void)number, (void)unused;
    async_task_detach(async_create_task(note_name_after, 1, "reloaded"));
}

LOOP_TEST(signal_handler_may_create_a_task)
{
    ASYNC_TRY(async_add_signal_handler(SIGHUP, create_a_task, NULL));
    send(SIGHUP);
    CHECK_EQ(async_sleep(3), 0);
    CHECK_TRACE("reloaded");
    return 0;
}

static async_local local = {.initial = "initial"};

static void note_local(int number, void *unused)
{
    (void)unused;
    note("%d%s", number, (const char *)async_local_get(&local));
    if (number == SIGUSR2)
        CHECK(async_remove_signal_handler(number));
    note("%s", (const char *)async_local_get(&local));
}

LOOP_TEST(signal_handler_sees_the_local_values_of_who_added_it)
{
    CHECK_EQ(async_local_set(&local, "mine"), 0);
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, note_local, NULL));
    ASYNC_TRY(async_add_signal_handler(SIGUSR2, note_local, NULL));
    CHECK_EQ(async_local_set(&local, "later"), 0);
    send(SIGUSR1);
    settle();
    send(SIGUSR2);
    settle();
    CHECK_TRACE("10mine mine 12mine mine");
    return 0;
}

static int end_with_a_signal(void)
{
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, forbid_call, NULL));
    send(SIGUSR1);
    return 0;
}
async_fn(end_with_a_signal);

TEST_EACH_BACKEND(signal_handler_is_not_called_when_its_loop_has_closed)
{
    CHECK_EQ(async_run_with(test_options(), end_with_a_signal), 0);
    CHECK(action_of(SIGUSR1) == SIG_DFL);
}

LOOP_TEST(signal_set_and_handler_exclude_each_other)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, note_signal, "a"));
    CHECK_EQ(async_signals_new(&signals, SIGUSR1), -EBUSY);
    CHECK(async_remove_signal_handler(SIGUSR1));
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    CHECK_EQ(async_add_signal_handler(SIGUSR1, note_signal, "a"), -EBUSY);
    CHECK(!async_remove_signal_handler(SIGUSR1));
    async_task *task = async_create_task(take_next, signals);
    send(SIGUSR1);
    return async_await(task) == SIGUSR1 ? 0 : -EIO;
}

static void be_slow_at_signals(int number, void *unused)
{
    struct timespec pause = {.tv_nsec = 2000000};
    (void)number, (void)unused;
    nanosleep(&pause, NULL);
}

static int handle_slowly(void)
{
    CHECK_EQ(async_loop_set_slow_callback_duration(async_get_loop(), 0.001), 0);
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, be_slow_at_signals, NULL));
    send(SIGUSR1);
    settle();
    return -EIO;
}
async_fn(handle_slowly);

DEATH_TEST(signal_handler_that_is_slow_is_reported, "a callback held the loop for")
{
    async_run_options options = {.debug = true, .virtual_clock = true};
    exit(async_run_with(&options, handle_slowly) < 0);
}

DEATH_TEST(signal_handler_needs_a_loop, "async_add_signal_handler: this thread has no loop")
{
    async_ignore(async_add_signal_handler(SIGUSR1, note_signal, "a"));
}

static int free_twice(void)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    async_signals_free(signals);
    async_signals_free(signals);
    return 0;
}
async_fn(free_twice);

DEATH_TEST(signals_that_are_freed_twice_are_misuse, "async_signals_free: the set was freed already")
{
    async_ignore(async_run(free_twice));
}

/* ---- fork ------------------------------------------------------------------------------------ */

static int fork_and_signal_the_child(void)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1, SIGHUP));
    ASYNC_TRY(async_add_signal_handler(SIGUSR2, forbid_call, NULL));
    send(SIGUSR1);
    pid_t child = fork_here();
    if (child == 0) {
        CHECK(action_of(SIGHUP) == SIG_DFL);
        CHECK(action_of(SIGINT) == SIG_DFL);
        CHECK(!async_remove_signal_handler(SIGUSR2));
        raise(SIGUSR2);
        _exit(1);
    }
    CHECK_EQ(end_of(child), BY_SIGNAL + SIGUSR2);
    return async_signals_next(signals) == SIGUSR1 ? 0 : -EIO;
}
async_fn(fork_and_signal_the_child);

LOOP_TEST(signals_act_in_a_forked_child_as_before)
{
    return fork_and_signal_the_child();
}

static int use_signals_in_a_run(void)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    send(SIGUSR1);
    return async_signals_next(signals);
}
async_fn(use_signals_in_a_run);

static int fork_and_free(void)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    async_task_detach(async_create_task(note_next, signals));
    settle();
    pid_t child = fork_here();
    if (child == 0)
        return async_run_with(test_options(), use_signals_in_a_run) == SIGUSR1 ? 7 : 1;
    CHECK_EQ(end_of(child), 7);
    return 0;
}
async_fn(fork_and_free);

TEST_EACH_BACKEND(signals_of_the_parent_are_freed_in_a_forked_child)
{
    skip_where_the_forking_task_is_not_watched();
    int result = async_run_with(test_options(), fork_and_free);
    if (is_child())
        _exit(result);
    CHECK_EQ(result, 0);
}

static void fork_in_handler(int number, void *child)
{
    (void)number;
    *(pid_t *)child = fork_here();
}

static int handle_by_fork(pid_t *child)
{
    ASYNC_TRY(async_add_signal_handler(SIGUSR1, fork_in_handler, child));
    ASYNC_TRY(async_add_signal_handler(SIGUSR2, note_signal, "b"));
    send(SIGUSR1);
    send(SIGUSR2);
    settle();
    return 3;
}
async_fn(handle_by_fork, pid_t *);

TEST_EACH_BACKEND(signal_handler_that_forks_ends_the_run_in_the_child)
{
    skip_where_the_forking_task_is_not_watched();
    pid_t child;
    int result = async_run_with(test_options(), handle_by_fork, &child);
    if (is_child())
        _exit(result == 0 && trace_text[0] == 0 ? 5 : 1);
    CHECK_EQ(result, 3);
    CHECK_EQ(end_of(child), 5);
    CHECK_TRACE("b12");
}
