/*
 * test_signal.c: async_signals, async_signal_wait and async_add_signal_handler: no signal is lost,
 * each number has one owner, and handlers of the program are never replaced.
 */
#include "run/coroutines.h"
#include "run/forks.h"
#include "run/trace.h"
#include "sys/tools.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static void send(int number)
{
    CHECK_EQ(raise(number), 0);
}

/* A callback. */
static void send_later(void *number)
{
    send((int)(intptr_t)number);
}

/* A signal handler that must not be called. */
static void forbid_call(int number, void *unused)
{
    (void)number, (void)unused;
    CHECK(false);
}

static void (*action_of(int number))(int)
{
    struct sigaction now;
    CHECK_EQ(sigaction(number, NULL, &now), 0);
    return now.sa_handler;
}

static int note_next(async_signals *signals)
{
    int result = async_signals_next(signals);
    note("%d", result);
    return result;
}
async_fn(note_next, async_signals *);

static int take(async_signals *signals)
{
    return async_timeout(0, async_signals_next(signals));
}

/* ---- sets ------------------------------------------------------------------------------------ */

LOOP_TEST(signal_that_comes_between_two_waits_is_not_lost)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    send(SIGUSR1);
    CHECK_EQ(async_signals_next(signals), SIGUSR1);
    ASYNC_TRY(async_sleep(1));
    send(SIGUSR1);
    ASYNC_TRY(async_sleep(1));
    CHECK_EQ(async_signals_next(signals), SIGUSR1);
    CHECK_EQ(take(signals), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(signal_that_comes_several_times_is_counted)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    for (int i = 0; i < 1000; i++)
        send(SIGUSR1);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(async_signals_next(signals), SIGUSR1);
    CHECK_EQ(take(signals), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(signals_of_two_sets_are_told_apart)
{
    async_auto_signals *first = NULL, *second = NULL;
    ASYNC_TRY(async_signals_new(&first, SIGUSR1, SIGHUP));
    ASYNC_TRY(async_signals_new(&second, SIGUSR2));
    send(SIGUSR2);
    send(SIGHUP);
    CHECK_EQ(async_signals_next(second), SIGUSR2);
    CHECK_EQ(async_signals_next(first), SIGHUP);
    CHECK_EQ(take(first), -ETIMEDOUT);
    CHECK_EQ(take(second), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(signals_that_were_named_first_are_returned_first)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGTERM, SIGHUP, SIGUSR1));
    send(SIGUSR1);
    send(SIGHUP);
    send(SIGTERM);
    CHECK_EQ(async_signals_next(signals), SIGTERM);
    CHECK_EQ(async_signals_next(signals), SIGHUP);
    CHECK_EQ(async_signals_next(signals), SIGUSR1);
    return 0;
}

LOOP_TEST(signals_go_to_the_tasks_that_wait_in_fifo_order)
{
    async_auto_signals *signals = NULL;
    async_task *tasks[3];
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1, SIGUSR2));
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(note_next, signals);
    settle();
    send(SIGUSR2);
    settle();
    send(SIGUSR1);
    CHECK_EQ(async_await(tasks[0]), SIGUSR2);
    CHECK_EQ(async_await(tasks[1]), SIGUSR1);
    send(SIGUSR1); /* not delivered yet, and a task has waited longer than this one */
    async_task *late = async_create_task_with(&(async_task_options){.eager_start = true}, note_next,
                                              signals);
    CHECK_EQ(async_await(tasks[2]), SIGUSR1);
    async_task_cancel(late);
    CHECK_EQ(async_await(late), -ECANCELED);
    return 0;
}

LOOP_TEST(signal_wait_that_is_cancelled_has_taken_nothing)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    async_task *task = async_create_task(note_next, signals);
    settle();
    async_task_cancel(task);
    send(SIGUSR1);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_EQ(async_signals_next(signals), SIGUSR1);
    async_task_cancel(async_current_task());
    send(SIGUSR1);
    CHECK_EQ(async_signals_next(signals), -ECANCELED);
    async_task_uncancel(async_current_task());
    CHECK_EQ(async_signals_next(signals), SIGUSR1);
    return 0;
}

LOOP_TEST(signal_wait_may_have_a_time_limit)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    CHECK_EQ(async_timeout(5, async_signals_next(signals)), -ETIMEDOUT);
    CHECK(async_time() == 5);
    send(SIGUSR1);
    CHECK_EQ(async_timeout(5, async_signals_next(signals)), SIGUSR1);
    CHECK_EQ(async_timeout(5, async_signal_wait(SIGUSR2)), -ETIMEDOUT);
    CHECK(action_of(SIGUSR2) == SIG_DFL);
    return 0;
}

LOOP_TEST(signals_that_are_freed_wake_their_waiters)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    async_task *task = async_create_task(note_next, signals);
    settle();
    async_signals_free(signals);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_EQ(async_signals_next(signals), -ECANCELED);
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    async_signals_free(NULL);
    return 0;
}

static async_signals *left_behind;

static int leave_signals_behind(void)
{
    ASYNC_TRY(async_signals_new(&left_behind, SIGUSR1, SIGUSR2));
    send(SIGUSR2);
    return 0;
}
async_fn(leave_signals_behind);

TEST_EACH_BACKEND(signals_that_are_left_behind_are_freed_with_their_loop)
{
    CHECK_EQ(async_run_with(test_options(), leave_signals_behind), 0);
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    CHECK(action_of(SIGUSR2) == SIG_DFL);
}

LOOP_TEST(signal_wait_takes_one_signal)
{
    async_task *other = async_create_task(give_after, 1, 0);
    CHECK_EQ(async_timeout(0, async_signal_wait(SIGUSR1, SIGUSR2)), -ETIMEDOUT);
    async_call_later(1, send_later, (void *)(intptr_t)SIGUSR2);
    CHECK_EQ(async_signal_wait(SIGUSR1, SIGUSR2), SIGUSR2);
    CHECK(action_of(SIGUSR1) == SIG_DFL && action_of(SIGUSR2) == SIG_DFL);
    return async_await(other);
}

LOOP_TEST(signal_handler_keeps_errno)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    errno = EXDEV;
    send(SIGUSR1);
    CHECK_EQ(errno, EXDEV);
    return 0;
}

/* ---- what cannot be caught ------------------------------------------------------------------ */

static int check_refusal(int number, int error, const char *text)
{
    async_signals *signals = (async_signals *)&error;
    CHECK_EQ(async_signals_new(&signals, SIGUSR1, number), error);
    CHECK(signals == NULL);
    CHECK(strstr(async_strerror(error), text) != NULL);
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    CHECK_EQ(async_signal_wait(number), error);
    CHECK(strstr(async_strerror(error), "async_signal_wait: ") != NULL);
    CHECK_EQ(async_add_signal_handler(number, forbid_call, NULL), error);
    CHECK(strstr(async_strerror(error), "async_add_signal_handler: ") != NULL);
    return 0;
}

LOOP_TEST(signals_that_cannot_be_caught_are_refused)
{
    check_refusal(SIGKILL, -EINVAL, "SIGKILL cannot be caught");
    check_refusal(SIGSTOP, -EINVAL, "SIGSTOP cannot be caught");
    check_refusal(0, -EINVAL, "signal 0 cannot be caught");
    check_refusal(-1, -EINVAL, "signal -1 cannot be caught");
    check_refusal(NSIG, -EINVAL, "cannot be caught");
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (int i = 0; i < 4; i++)
        check_refusal(faults[i], -EINVAL, "reports a fault of the running code");
    async_signals *signals;
    CHECK_EQ(async_signals_new_n(&signals, NULL, 0), -EINVAL);
    CHECK_EQ(async_signal_wait_n(NULL, 0), -EINVAL);
    CHECK_EQ(async_signals_new_n(NULL, (int[]){SIGUSR1}, 1), -EINVAL);
    CHECK_EQ(async_add_signal_handler(SIGUSR1, NULL, NULL), -EINVAL);
    return 0;
}

static int busy_on_another_thread(void)
{
    return check_refusal(SIGUSR2, -EBUSY, "is used by another set, handler or loop");
}
async_fn(busy_on_another_thread);

static void *run_busy(void *unused)
{
    CHECK_EQ(async_run(busy_on_another_thread), 0);
    return unused;
}

LOOP_TEST(signal_that_has_an_owner_is_busy)
{
    pthread_t thread;
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR2));
    check_refusal(SIGUSR2, -EBUSY, "SIGUSR2 is used by another set, handler or loop");
    CHECK_EQ(pthread_create(&thread, NULL, run_busy, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    send(SIGUSR2);
    CHECK_EQ(async_signals_next(signals), SIGUSR2);
    CHECK_EQ(async_signals_new(&signals, SIGUSR1, SIGUSR1), -EBUSY);
    return 0;
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled += number;
}

LOOP_TEST(signal_handler_of_the_program_is_not_replaced)
{
    signal(SIGUSR2, handle);
    check_refusal(SIGUSR2, -EBUSY, "installed a handler of SIGUSR2 by sigaction");
    send(SIGUSR2);
    CHECK_EQ(handled, SIGUSR2);
    signal(SIGINT, handle); /* over the run's */
    check_refusal(SIGINT, -EBUSY, "installed a handler of SIGINT by sigaction");
    CHECK(action_of(SIGINT) == handle);
    return 0;
}

LOOP_TEST(signal_handler_that_the_program_installs_meanwhile_stays)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1, SIGUSR2));
    signal(SIGUSR2, handle);
    async_signals_free(signals);
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    CHECK(action_of(SIGUSR2) == handle);
    signal(SIGUSR2, SIG_DFL);
    ASYNC_TRY(async_signals_new(&signals, SIGUSR2));
    send(SIGUSR2);
    CHECK_EQ(async_signals_next(signals), SIGUSR2);
    async_signals_free(signals);
    return 0;
}

LOOP_TEST(signal_that_is_ignored_can_be_caught_and_is_ignored_again)
{
    signal(SIGHUP, SIG_IGN);
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, SIGHUP));
    send(SIGHUP);
    CHECK_EQ(async_signals_next(signals), SIGHUP);
    async_signals_free(signals);
    CHECK(action_of(SIGHUP) == SIG_IGN);
    return 0;
}

LOOP_TEST(signal_sigchld_is_for_the_program)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGCHLD));
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    CHECK_EQ(async_signals_next(signals), SIGCHLD);
    CHECK_EQ(end_of(child), 3);
    return 0;
}

LOOP_TEST(signals_need_memory)
{
    async_signals *signals;
    test_allow_allocations(0);
    CHECK_EQ(async_signals_new(&signals, SIGUSR1), -ENOMEM);
    CHECK_EQ(async_add_signal_handler(SIGUSR1, forbid_call, NULL), -ENOMEM);
    CHECK_EQ(async_signal_wait(SIGUSR1), -ENOMEM);
    test_allow_allocations(-1);
    CHECK(action_of(SIGUSR1) == SIG_DFL);
    return 0;
}

/* ---- arrival --------------------------------------------------------------------------------- */

/* With another task in a receive, the loop waits in the poller, not on a futex. */
static int wait_in_the_kernel(bool receives, int ready)
{
    async_auto_signals *signals = NULL;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    async_task *other = receives ? async_create_task(wait_readable, ends[0]) : NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGTERM));
    if (receives)
        CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(write(ready, "x", 1), 1);
    int result = async_signals_next(signals);
    if (receives) {
        async_task_cancel(other);
        CHECK_EQ(async_await(other), -ECANCELED);
    }
    return result == SIGTERM ? 42 : 1;
}
async_fn(wait_in_the_kernel, bool, int);

static void wake_a_loop_that_sleeps(bool receives)
{
    char byte;
    int ready[2];
    CHECK_EQ(pipe(ready), 0);
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(test_options(), wait_in_the_kernel, receives, ready[1]));
    close(ready[1]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(kill(child, SIGTERM), 0);
    CHECK_EQ(end_of(child), 42);
    close(ready[0]);
}

TEST_EACH_BACKEND(signal_wakes_a_loop_that_sleeps_on_a_futex)
{
    wake_a_loop_that_sleeps(false);
}

TEST_EACH_BACKEND(signal_wakes_a_loop_that_sleeps_in_the_poller)
{
    wake_a_loop_that_sleeps(true);
}

static void *signal_this_thread(void *number)
{
    CHECK_EQ(pthread_kill(pthread_self(), (int)(intptr_t)number), 0);
    return NULL;
}

REAL_LOOP_TEST(signal_that_another_thread_receives_reaches_the_loop)
{
    pthread_t thread;
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    CHECK_EQ(pthread_create(&thread, NULL, signal_this_thread, (void *)(intptr_t)SIGUSR1), 0);
    CHECK_EQ(async_signals_next(signals), SIGUSR1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

static int take_on_a_thread(void)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    return async_signals_next(signals);
}
async_fn(take_on_a_thread);

static void *run_on_a_thread(void *result)
{
    *(int *)result = async_run_with(test_options(), take_on_a_thread);
    return NULL;
}

TEST_EACH_BACKEND(signals_reach_loops_of_other_threads)
{
    pthread_t thread;
    int result;
    CHECK_EQ(pthread_create(&thread, NULL, run_on_a_thread, &result), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(result, SIGUSR1);
}

static void signal_in(timer_t timer, long ns)
{
    const struct itimerspec once = {.it_value.tv_nsec = ns};
    CHECK_EQ(timer_settime(timer, 0, &once, NULL), 0);
}

static int yield_often(int count)
{
    for (int i = 0; i < count; i++)
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(yield_often, int);

/* Among them turns after which no task of the loop runs again before the signal is handled. */
REAL_LOOP_TEST(signals_that_come_at_any_moment_of_a_turn_reach_the_loop)
{
    const int rounds = tools_under_valgrind() || test_is_emulated() ? 50 : 1000;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    async_auto_signals *signals = NULL;
    timer_t timer;
    ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    for (int round = 0; round < rounds; round++) {
        signal_in(timer, 1000 + 617 * (round % 331));
        for (int i = 0; i < 10; i++)
            async_task_detach(async_create_task(yield_often, i));
        CHECK_EQ(async_signals_next(signals), SIGUSR1);
    }
    CHECK_EQ(timer_delete(timer), 0);
    return 0;
}

static atomic_bool stop_signals;

static void *send_many(void *unused)
{
    while (!atomic_load(&stop_signals))
        kill(getpid(), SIGUSR1);
    return unused;
}

static int begin_and_end_sets(int count)
{
    for (int i = 0; i < count; i++) {
        async_auto_signals *signals = NULL;
        ASYNC_TRY(async_signals_new(&signals, SIGUSR1));
        ASYNC_TRY(async_signals_next(signals));
    }
    return 0;
}

/* The handler is in the midst of its work when a set ends: it must not touch freed memory. */
REAL_LOOP_TEST(signals_may_come_while_sets_begin_and_end)
{
    pthread_t senders[2];
    if (test_is_emulated())
        test_skip("qemu dies of signals that several threads send without a pause");
    signal(SIGUSR1, SIG_IGN);
    atomic_store(&stop_signals, false);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&senders[i], NULL, send_many, NULL), 0);
    int result = begin_and_end_sets(tools_under_valgrind() ? 20 : 200);
    atomic_store(&stop_signals, true);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(senders[i], NULL), 0);
    return result;
}

static int next_of_a_step(void)
{
    CHECK_EQ(async_signal_wait(SIGUSR1), SIGUSR1);
    return 0;
}
async_fn(next_of_a_step);

TEST_EACH_BACKEND(signal_reaches_a_loop_that_is_stepped)
{
    async_loop *loop;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_task_detach(async_create_task(next_of_a_step));
    CHECK_EQ(async_loop_step(loop, 0), 1);
    CHECK(async_loop_timeout(loop) > 0);
    send(SIGUSR1);
    CHECK(async_loop_timeout(loop) == 0);
    CHECK_EQ(async_loop_step(loop, 0), 0);
    async_loop_close(loop);
}

/* ---- SIGINT ---------------------------------------------------------------------------------- */

LOOP_TEST(signal_sigint_of_the_program_does_not_cancel_main)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, SIGINT));
    send(SIGINT);
    send(SIGINT); /* the second one does not end the process */
    CHECK_EQ(async_signals_next(signals), SIGINT);
    CHECK_EQ(async_signals_next(signals), SIGINT);
    CHECK_EQ(async_sleep(1), 0);
    async_signals_free(signals);
    send(SIGINT); /* the run's again */
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

static int open_sigint(async_signals **signals)
{
    return async_signals_new(signals, SIGINT);
}
async_fn(open_sigint, async_signals **);

static int take_sigint(async_signals *signals)
{
    send(SIGINT);
    return async_signals_next(signals);
}
async_fn(take_sigint, async_signals *);

static int free_and_be_interrupted(async_signals *signals)
{
    async_signals_free(signals);
    return interrupt_and_wait();
}
async_fn(free_and_be_interrupted, async_signals *);

TEST_EACH_BACKEND(signal_sigint_of_the_program_outlives_a_run)
{
    async_runner runner = {.options = *test_options()};
    async_signals *signals;
    CHECK_EQ(async_runner_run(&runner, open_sigint, &signals), 0);
    CHECK(action_of(SIGINT) != SIG_DFL);
    CHECK_EQ(async_runner_run(&runner, take_sigint, signals), SIGINT);
    CHECK_EQ(async_runner_run(&runner, free_and_be_interrupted, signals), -EINTR);
    CHECK(action_of(SIGINT) == SIG_DFL);
    async_runner_close(&runner);
}
