/*
 * test_semantics_deadlock.c: a loop whose tasks all wait, and in which nothing is left that could
 * wake one: what is done, and when it is no deadlock.
 */
#include "run/deadlocks.h"
#include "sys/tools.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void check_is_silent(int (*coroutine)(void), int expected)
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    capture_begin();
    int result = async_run_with(&options, call, coroutine);
    const char *said = capture_end();
    if (result != expected || *said != '\0')
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

static int wait_for_event(void)
{
    async_event event = {0};
    return async_event_wait(&event);
}

/* ---- what is done --------------------------------------------------------------------------- */

static int cleaned;

static int clean_up_when_cancelled(void)
{
    async_event event = {0};
    int result = async_event_wait(&event);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(0.001), 0);
    cleaned++;
    return result;
}

TEST_EACH_BACKEND(deadlock_cancels_main_so_that_it_cleans_up)
{
    run_into_deadlock(clean_up_when_cancelled);
    CHECK_EQ(cleaned, 1);
}

static int handle_and_return(void)
{
    async_event event = {0};
    CHECK_EQ(async_event_wait(&event), -ECANCELED);
    return 7;
}

TEST_EACH_BACKEND(deadlock_leaves_a_result_that_main_returns_itself)
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    capture_begin();
    int result = async_run_with(&options, call, handle_and_return);
    capture_end();
    CHECK_EQ(result, 7);
}

static int wait_again(void)
{
    async_event event = {0};
    CHECK_EQ(async_event_wait(&event), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_event_wait(&event);
}

DEATH_TEST(deadlock_after_the_cancellation_aborts,
           "deadlock: nothing is left|a request to cancel does not end the deadlock")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    async_ignore(async_run_with(&options, call, wait_again));
}

static int wait_despite_cancel(async_event *event)
{
    while (async_event_wait(event) == -ECANCELED)
        async_task_uncancel(async_current_task());
    return 0;
}
async_fn(wait_despite_cancel, async_event *);

static int leave_a_task_that_never_ends(void)
{
    static async_event event;
    async_task_detach(async_create_task(wait_despite_cancel, &event));
    return async_sleep(0.001);
}

DEATH_TEST(deadlock_at_the_end_of_a_run_aborts,
           "deadlock: nothing is left|wait_despite_cancel: waits|does not end the deadlock")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    async_ignore(async_run_with(&options, call, leave_a_task_that_never_ends));
}

DEATH_TEST(deadlock_aborts_if_the_option_says_so,
           "deadlock: nothing is left|aborted because of the deadlock")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_ABORT);
    async_ignore(async_run_with(&options, call, wait_for_event));
}

DEATH_TEST(deadlock_is_handled_as_the_environment_says, "aborted because of the deadlock")
{
    CHECK_EQ(setenv("ASYNCIO_DEADLOCK", "abort", 1), 0);
    async_ignore(async_run_with(test_options(), call, wait_for_event));
}

/* Of the captured output. */
static bool has_report(void)
{
    char text[4096];
    ssize_t length = pread(STDERR_FILENO, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return strstr(text, "deadlock: ") != NULL;
}

static void *interrupt_after_report(void *process)
{
    for (int i = 0; i < 1000 && !has_report(); i++)
        usleep(10000);
    kill(*(pid_t *)process, SIGINT);
    return NULL;
}

static void *interrupt_soon(void *process)
{
    usleep(50000);
    kill(*(pid_t *)process, SIGINT);
    return NULL;
}

TEST_EACH_BACKEND(deadlock_waits_for_sigint_if_the_option_says_so)
{
    async_run_options options = options_with(ASYNC_DEADLOCK_WAIT);
    pid_t self = getpid();
    pthread_t thread;
    capture_begin();
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_after_report, &self), 0);
    int result = async_run_with(&options, call, wait_for_event);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    const char *said = capture_end();
    CHECK_EQ(result, -EINTR);
    check_says(said, "deadlock: nothing is left");
}

TEST_EACH_BACKEND(deadlock_option_out_of_range_is_refused)
{
    async_run_options options = options_with((async_deadlock_action)4);
    CHECK_EQ(async_run_with(&options, nothing), -EINVAL);
}

/* ---- what is none --------------------------------------------------------------------------- */

static async_event woken;

static void wake(void *context)
{
    async_event_set(context);
}

static void *wake_soon(void *loop)
{
    usleep(20000);
    CHECK_EQ(async_call_soon_threadsafe(loop, wake, &woken), 0);
    return NULL;
}

static int be_woken_by_a_thread(void)
{
    pthread_t thread;
    async_event_clear(&woken);
    CHECK_EQ(pthread_create(&thread, NULL, wake_soon, async_get_loop()), 0);
    int result = async_event_wait(&woken);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}

TEST_EACH_BACKEND(deadlock_is_none_while_another_thread_knows_the_loop)
{
    check_is_silent(be_woken_by_a_thread, 0);
}

static int know_the_loop(void)
{
    CHECK(async_get_loop() != NULL);
    return wait_for_event();
}

TEST_EACH_BACKEND(deadlock_is_certain_if_a_known_loop_is_in_a_process_without_threads)
{
    skip_where_a_tool_has_threads();
    check_says(run_into_deadlock(know_the_loop), "asyncio: deadlock:");
}

static int sleep_until_interrupted(void)
{
    pid_t self = getpid();
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_soon, &self), 0);
    int result = async_sleep(INFINITY);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}

TEST_EACH_BACKEND(deadlock_is_none_while_a_task_sleeps_for_ever)
{
    check_is_silent(sleep_until_interrupted, -EINTR);
}
