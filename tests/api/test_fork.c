/*
 * test_fork.c: loops in a child of fork(): it can run its own loops wherever it was forked, and can
 * return out of the parent's run. Children end by _exit.
 */
#include "run/deep.h"
#include "run/forks.h"
#include "run/streams.h"
#include "run/coroutines.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- loops of its own ----------------------------------------------------------------------- */

static int sleep_and_give(int result)
{
    ASYNC_TRY(async_sleep(0.001));
    return result;
}
async_fn(sleep_and_give, int);

static int use_streams(void)
{
    struct pair pair = new_pair();
    char text[6] = "";
    async_task *task = async_create_task(sleep_and_give, 1);
    CHECK_EQ(async_stream_write(pair.here, "hello", 5), 0);
    CHECK_EQ(async_stream_read(pair.there, text, 5), 5);
    CHECK_STR(text, "hello");
    CHECK_EQ(async_await(task), 1);
    close_pair(pair);
    return 3;
}
async_fn(use_streams);

/* Every way to run a loop, one after the other. */
static void run_loops(void)
{
    async_run_options options = *test_options();
    async_loop *loop;
    async_runner runner = {.options = options};
    CHECK(async_get_loop() == NULL);
    CHECK_EQ(async_run_with(&options, use_streams), 3);
    CHECK_EQ(async_run_with(&options, sleep_and_give, 4), 4);
    CHECK_EQ(async_runner_run(&runner, use_streams), 3);
    CHECK_EQ(async_runner_run(&runner, sleep_and_give, 5), 5);
    async_runner_close(&runner);
    CHECK_EQ(async_new_event_loop(&loop, &options), 0);
    async_task *task = async_create_task(use_streams);
    CHECK_EQ(async_loop_run_until_complete(loop, task), 3);
    async_loop_close(loop);
    CHECK(async_get_loop() == NULL);
}

LOOP_TEST(fork_child_runs_loops_inside_a_task)
{
    async_task *other = async_create_task(sleep_and_give, 6);
    pid_t child = fork_here();
    if (child == 0) {
        run_loops();
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    return async_await(other) == 6 ? 0 : -EINVAL;
}

static void fork_in_callback(void *status)
{
    pid_t child = fork_here();
    if (child == 0) {
        run_loops();
        _exit(0);
    }
    *(int *)status = end_of(child);
}

LOOP_TEST(fork_child_runs_loops_in_a_callback)
{
    int status = -1;
    async_call_soon(fork_in_callback, &status);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(status, 0);
    return 0;
}

/* The parent's runner makes a new loop, and one that was left running can be closed. */
TEST_EACH_BACKEND(fork_child_runs_loops_between_two_runs)
{
    async_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, sleep_and_give, 1), 1);
    async_task_detach(async_create_task(sleep_and_give, 9));
    pid_t child = fork_here();
    if (child == 0) {
        run_loops();
        CHECK_EQ(async_runner_run(&runner, use_streams), 3);
        async_runner_close(&runner);
        run_loops();
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    CHECK_EQ(async_runner_run(&runner, sleep_and_give, 2), 2);
    async_runner_close(&runner);
}

TEST_EACH_BACKEND(fork_child_closes_a_loop_that_was_between_two_steps)
{
    async_loop *loop;
    async_runner runner = {.options = *test_options()};
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_task *task = async_create_task(sleep_and_give, 1);
    pid_t child = fork_here();
    if (child == 0) {
        async_task_detach(task);
        async_loop_close(loop);
        run_loops();
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    CHECK_EQ(async_loop_run_until_complete(loop, task), 1);
    async_loop_close(loop);
    CHECK_EQ(async_runner_run(&runner, sleep_and_give, 2), 2);
    child = fork_here();
    if (child == 0) {
        async_runner_close(&runner);
        run_loops();
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    async_runner_close(&runner);
}

static int fork_on_worker(void)
{
    pid_t child = fork_here();
    if (child == 0) {
        run_loops();
        _exit(0);
    }
    return end_of(child);
}
async_fn(fork_on_worker);

LOOP_TEST(fork_child_runs_loops_on_a_worker_thread)
{
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(async_to_thread(fork_on_worker), 0);
    CHECK_EQ(async_to_thread(fork_on_worker), 0);
    return 0;
}

static void *fork_on_thread(void *status)
{
    *(int *)status = fork_on_worker();
    return NULL;
}

LOOP_TEST(fork_child_runs_loops_on_a_thread_without_one)
{
    int status = -1;
    pthread_t thread;
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(pthread_create(&thread, NULL, fork_on_thread, &status), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(status, 0);
    return 0;
}

static int fork_again(void)
{
    pid_t child = fork_here();
    if (child == 0) {
        run_loops();
        return 8; /* the inner run ends with that, in the grandchild */
    }
    return end_of(child);
}
async_fn(fork_again);

LOOP_TEST(fork_child_of_a_child_runs_loops)
{
    pid_t first = getpid(), child = fork_here();
    if (child == 0) {
        child = getpid();
        int result = async_run_with(test_options(), fork_again);
        if (getpid() != child)
            _exit(result == 8 ? 4 : 5);
        run_loops();
        _exit(result);
    }
    CHECK(getpid() == first);
    CHECK_EQ(end_of(child), 4);
    return 0;
}

/* ---- returning ------------------------------------------------------------------------------ */

static int left_to_come;

static int come_later(void)
{
    ASYNC_TRY(async_sleep(0.001));
    CHECK(!is_child());
    left_to_come--;
    return 0;
}
async_fn(come_later);

static void come_in_callback(void *unused)
{
    (void)unused;
    CHECK(!is_child());
    left_to_come--;
}

/* Tasks, callbacks and timers beside the one that forks. */
static void begin_others(void)
{
    left_to_come = 4;
    async_task_detach(async_create_task(come_later));
    async_task_detach(async_create_task(come_later));
    async_call_soon(come_in_callback, NULL);
    async_call_later(0.001, come_in_callback, NULL);
}

static int fork_and_return(int result)
{
    begin_others();
    pid_t child = fork_here();
    if (child == 0)
        return result;
    CHECK_EQ(end_of(child), 0);
    ASYNC_TRY(async_sleep(0.01));
    CHECK_EQ(left_to_come, 0);
    return 1;
}
async_fn(fork_and_return, int);

/* In the child, that the run gave this; it cannot fail the case, which is its parent's. */
static void expect_in_child(bool holds)
{
    if (is_child())
        _exit(holds && async_get_loop() == NULL ? 0 : 7);
}

TEST_EACH_BACKEND(fork_child_that_returns_ends_the_run_with_that_result)
{
    skip_where_the_forking_task_is_not_watched();
    int result = async_run_with(test_options(), fork_and_return, 5);
    expect_in_child(result == 5);
    CHECK_EQ(result, 1);
    result = async_run_with(test_options(), fork_and_return, -ENOENT);
    expect_in_child(result == -ENOENT);
    CHECK_EQ(result, 1);
}

static int await_one_that_forks(void)
{
    int result = async_await(async_create_task(fork_and_return, 6));
    CHECK(!is_child());
    return result;
}
async_fn(await_one_that_forks);

static int create_one_that_forks_at_once(void)
{
    const async_task_options options = {.eager_start = true};
    async_task *task = async_create_task_with(&options, fork_and_return, 6);
    CHECK(!is_child());
    return async_await(task);
}
async_fn(create_one_that_forks_at_once);

TEST_EACH_BACKEND(fork_child_that_returns_from_another_task_ends_the_run)
{
    skip_where_the_forking_task_is_not_watched();
    int result = async_run_with(test_options(), await_one_that_forks);
    expect_in_child(result == 6);
    CHECK_EQ(result, 1);
    result = async_run_with(test_options(), create_one_that_forks_at_once);
    expect_in_child(result == 6);
    CHECK_EQ(result, 1);
}

static void fork_in_callback_and_return(void *unused)
{
    (void)unused;
    begin_others();
    pid_t child = fork_here();
    if (child != 0)
        CHECK_EQ(end_of(child), 0);
}

static int wait_for_callback(void)
{
    async_call_soon(fork_in_callback_and_return, NULL);
    ASYNC_TRY(async_sleep(0.01));
    CHECK(!is_child());
    CHECK_EQ(left_to_come, 0);
    return 1;
}
async_fn(wait_for_callback);

TEST_EACH_BACKEND(fork_child_that_returns_from_a_callback_ends_the_run)
{
    int result = async_run_with(test_options(), wait_for_callback);
    expect_in_child(result == 0);
    CHECK_EQ(result, 1);
}

static int fork_when_cancelled(void)
{
    CHECK_EQ(async_sleep(100), -ECANCELED);
    pid_t child = fork_here();
    if (child != 0)
        CHECK_EQ(end_of(child), 0);
    return -ECANCELED;
}
async_fn(fork_when_cancelled);

static int leave_one_that_forks(void)
{
    async_task_detach(async_create_task(fork_when_cancelled));
    async_task_detach(async_create_task(fork_when_cancelled));
    return async_sleep(0);
}
async_fn(leave_one_that_forks);

TEST_EACH_BACKEND(fork_child_of_a_task_that_the_end_cancels_ends_the_run)
{
    skip_where_the_forking_task_is_not_watched();
    int result = async_run_with(test_options(), leave_one_that_forks);
    expect_in_child(result == 0);
    CHECK_EQ(result, 0);
}

TEST_EACH_BACKEND(fork_child_that_returns_ends_the_runners_run)
{
    skip_where_the_forking_task_is_not_watched();
    async_runner runner = {.options = *test_options()};
    int result = async_runner_run(&runner, fork_and_return, 5);
    if (is_child()) {
        CHECK_EQ(result, 5);
        CHECK_EQ(async_runner_run(&runner, sleep_and_give, 2), 2);
        async_runner_close(&runner);
        _exit(0);
    }
    CHECK_EQ(result, 1);
    result = async_runner_run(&runner, fork_and_return, 5);
    if (is_child()) {
        async_runner_close(&runner);
        run_loops();
        _exit(0);
    }
    CHECK_EQ(result, 1);
    async_runner_close(&runner);
}

TEST_EACH_BACKEND(fork_child_that_returns_ends_the_drive)
{
    skip_where_the_forking_task_is_not_watched();
    async_loop *loop;
    int result, tasks;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    async_task *task = async_create_task(fork_and_return, 5);
    result = async_loop_run_until_complete(loop, task);
    if (is_child()) {
        CHECK_EQ(result, 5);
        async_loop_close(loop);
        run_loops();
        _exit(0);
    }
    CHECK_EQ(result, 1);
    async_task_detach(async_create_task(fork_and_return, 5));
    while ((tasks = async_loop_step(loop, ASYNC_FOREVER)) > 0)
        continue;
    if (is_child()) {
        async_loop_close(loop);
        _exit(tasks);
    }
    async_loop_close(loop);
}

/* The child's own runner outlives the run in which it was forked. */
static async_runner own;

static int fork_and_run_inside(void)
{
    pid_t child = fork_here();
    if (child != 0)
        return end_of(child);
    own.options = *test_options();
    CHECK_EQ(async_runner_run(&own, sleep_and_give, 2), 2);
    return 3;
}
async_fn(fork_and_run_inside);

TEST_EACH_BACKEND(fork_child_returns_with_a_loop_of_its_own)
{
    int result = async_run_with(test_options(), fork_and_run_inside);
    if (is_child()) {
        CHECK_EQ(result, 3);
        CHECK(async_get_loop() == async_runner_get_loop(&own));
        CHECK_EQ(async_runner_run(&own, use_streams), 3);
        async_runner_close(&own);
        _exit(4);
    }
    CHECK_EQ(result, 4);
}

/* ---- what ends a child ---------------------------------------------------------------------- */

static int sleep_in_child(void)
{
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_sleep(1) == 0 ? 0 : 1);
    int status = end_of(child);
    CHECK_EQ(async_sleep(1), 0);
    abort();
    return status;
}
async_fn(sleep_in_child);

DEATH_TEST(
    fork_child_that_waits_in_its_parents_loop_dies,
    "async_sleep was called in a child of fork(), and the loop is the parent's; run a loop of the "
    "child's own")
{
    async_ignore(async_run_with(test_options(), sleep_in_child));
}

static int create_in_child(void)
{
    pid_t child = fork_here();
    if (child == 0)
        async_task_detach(async_create_task(sleep_and_give, 1));
    end_of(child);
    abort();
}
async_fn(create_in_child);

DEATH_TEST(fork_child_that_creates_a_task_in_its_parents_loop_dies,
           "async_create_task was called in a child of fork(), and the loop is the parent's")
{
    async_ignore(async_run_with(test_options(), create_in_child));
}

static int await_parents_task(void)
{
    async_task *task = async_create_task(sleep_and_give, 1);
    pid_t child = fork_here();
    if (child == 0)
        async_ignore(async_run_with(test_options(), await_task, task));
    end_of(child);
    abort();
}
async_fn(await_parents_task);

DEATH_TEST(fork_child_that_awaits_its_parents_task_dies,
           "async_await was called in a child of fork(), and the task is")
{
    async_ignore(async_run_with(test_options(), await_parents_task));
}

static int fork_on_worker_and_return(void)
{
    pid_t child = fork_here();
    return child == 0 ? 0 : end_of(child);
}
async_fn(fork_on_worker_and_return);

static int return_on_worker(void)
{
    CHECK_EQ(async_to_thread(fork_on_worker_and_return), BY_SIGNAL + SIGABRT);
    abort();
}
async_fn(return_on_worker);

DEATH_TEST(fork_child_that_returns_on_a_worker_thread_dies,
           "'fork_on_worker_and_return' forked on a worker thread and returned in the child")
{
    async_ignore(async_run_with(test_options(), return_on_worker));
}

static int overflow_in_child(void)
{
    volatile int depth = 0;
    pid_t child = fork_here();
    if (child == 0)
        _exit(recurse_for_ever(&depth));
    CHECK_EQ(end_of(child), BY_SIGNAL + SIGSEGV);
    abort();
}
async_fn(overflow_in_child);

DEATH_TEST(fork_child_that_overflows_its_stack_is_named,
           "'overflow_in_child' |overflowed its stack of 64 KiB")
{
    if (ASYNC_ASAN)
        test_skip("AddressSanitizer handles the fault");
    async_ignore(async_run_with(test_options(), overflow_in_child));
}

/* ---- signals -------------------------------------------------------------------------------- */

static int interrupt_child(void)
{
    struct sigaction now;
    pid_t child = fork_here();
    if (child == 0) {
        sigaction(SIGINT, NULL, &now);
        if (now.sa_handler == SIG_DFL)
            raise(SIGINT);
        _exit(9);
    }
    return end_of(child);
}
async_fn(interrupt_child);

/* The first one is not for the parent's main task. */
TEST_EACH_BACKEND(fork_child_has_the_sigint_handler_from_before_the_run)
{
    CHECK_EQ(async_run_with(test_options(), interrupt_child), BY_SIGNAL + SIGINT);
}

static int interrupt_own_run(void)
{
    raise(SIGINT);
    return async_sleep(1);
}
async_fn(interrupt_own_run);

static int fork_and_interrupt_own_run(void)
{
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(test_options(), interrupt_own_run) == -EINTR ? 0 : 1);
    return end_of(child);
}
async_fn(fork_and_interrupt_own_run);

LOOP_TEST(fork_childs_own_run_takes_sigint)
{
    return fork_and_interrupt_own_run();
}
