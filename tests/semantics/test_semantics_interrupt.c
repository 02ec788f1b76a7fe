/*
 * test_semantics_interrupt.c: SIGINT: the first one cancels the main task, which may answer it, and
 * the second one ends the process; a handler that the program has set is left alone. Most programs
 * here run in a child process, because they end it.
 */
#include "run/capture.h"
#include "run/trace.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void interrupt(void)
{
    CHECK_EQ(raise(SIGINT), 0);
}

/* The exit status, or the number of the signal with a minus. */
static int wait_for_child(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* How the program ends in a child process. */
static int run_in_child(int (*program)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(program());
    return wait_for_child(child);
}

/* ---- the first one -------------------------------------------------------------------------- */

static int sleep_interrupted(void)
{
    interrupt();
    return async_sleep(INFINITY);
}
async_fn(sleep_interrupted);

TEST_EACH_BACKEND(sigint_cancels_main_and_run_returns_eintr)
{
    CHECK_EQ(async_run_with(test_options(), sleep_interrupted), -EINTR);
}

static int main_of_sleep(void)
{
    return async_main(sleep_interrupted);
}

TEST(sigint_gives_main_the_status_130)
{
    CHECK_EQ(run_in_child(main_of_sleep), 130);
}

/* The descriptor that a program reports its readiness to. */
static int ready_pipe[2];

static int say_ready_and_sleep(void)
{
    CHECK_EQ(write(ready_pipe[1], "x", 1), 1);
    return async_sleep(INFINITY);
}
async_fn(say_ready_and_sleep);

/* By then it sleeps in the kernel, most probably; it must end whether or not it does. */
TEST_EACH_BACKEND(sigint_wakes_a_loop_that_sleeps)
{
    char byte;
    CHECK_EQ(pipe(ready_pipe), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(async_run_with(test_options(), say_ready_and_sleep) == -EINTR ? 42 : 1);
    close(ready_pipe[1]);
    CHECK_EQ(read(ready_pipe[0], &byte, 1), 1);
    CHECK_EQ(kill(child, SIGINT), 0);
    CHECK_EQ(wait_for_child(child), 42);
    close(ready_pipe[0]);
}

static int note_refusal(void)
{
    int result = async_sleep(INFINITY);
    note("child%d", result);
    return result;
}
async_fn(note_refusal);

static int await_child_interrupted(void)
{
    async_task *child = async_create_task(note_refusal);
    async_task_detach(async_create_task(note_refusal));
    CHECK_EQ(async_sleep(0), 0);
    interrupt();
    int result = async_await(child);
    note("main%d", result);
    return result;
}
async_fn(await_child_interrupted);

TEST_EACH_BACKEND(sigint_reaches_what_main_awaits_and_everything_is_cleaned_up)
{
    CHECK_EQ(async_run_with(test_options(), await_child_interrupted), -EINTR);
    CHECK_TRACE("child-125 main-125 child-125");
}

static int interrupt_once(void)
{
    interrupt();
    return async_sleep(1);
}
async_fn(interrupt_once);

LOOP_TEST(sigint_cancels_main_whichever_task_runs)
{
    async_task *child = async_create_task(interrupt_once);
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_task_cancelling(async_current_task()), 1);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_await(child), 0);
    return 0;
}

LOOP_TEST(sigint_waits_for_the_end_of_a_shield)
{
    interrupt();
    CHECK_EQ(async_no_cancel(async_sleep(1)), 0);
    CHECK_EQ(async_sleep(1), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return 0;
}

/* ---- answered ------------------------------------------------------------------------------- */

static int answer(int result)
{
    interrupt();
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    ASYNC_TRY(async_sleep(0.001));
    return result;
}
async_fn(answer, int);

TEST_EACH_BACKEND(sigint_that_main_answers_changes_nothing)
{
    CHECK_EQ(async_run_with(test_options(), answer, 0), 0);
    CHECK_EQ(async_run_with(test_options(), answer, 7), 7);
    CHECK_EQ(async_run_with(test_options(), answer, -EIO), -EIO);
}

static int main_that_answers(void)
{
    return async_main(answer, 0);
}

TEST(sigint_that_main_answers_gives_the_status_of_its_result)
{
    CHECK_EQ(run_in_child(main_that_answers), 0);
}

static int finish_all_the_same(void)
{
    interrupt();
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    return 9;
}
async_fn(finish_all_the_same);

TEST_EACH_BACKEND(sigint_does_not_replace_a_result_of_main_s_own)
{
    CHECK_EQ(async_run_with(test_options(), finish_all_the_same), 9);
}

static int end_cancelled(void)
{
    return -ECANCELED;
}
async_fn(end_cancelled);

TEST_EACH_BACKEND(sigint_of_one_run_is_forgotten_in_the_next)
{
    CHECK_EQ(async_run_with(test_options(), sleep_interrupted), -EINTR);
    CHECK_EQ(async_run_with(test_options(), end_cancelled), -ECANCELED);
    CHECK_EQ(async_run_with(test_options(), sleep_interrupted), -EINTR);
}

static int be_cancelled_and_interrupted(bool cancelled_first, bool answers)
{
    if (cancelled_first)
        async_task_cancel(async_current_task());
    interrupt();
    if (!cancelled_first)
        async_task_cancel(async_current_task());
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    while (answers && async_task_cancelling(async_current_task()) > 0)
        async_task_uncancel(async_current_task());
    return -ECANCELED;
}
async_fn(be_cancelled_and_interrupted, bool, bool);

TEST_EACH_BACKEND(sigint_is_reported_though_main_was_already_cancelled)
{
    for (int i = 0; i < 4; i++)
        CHECK_EQ(
            async_run_with(test_options(), be_cancelled_and_interrupted, i % 2 == 0, i / 2 == 0),
            -EINTR);
}

static int main_that_is_cancelled_and_interrupted(void)
{
    return async_main(be_cancelled_and_interrupted, true, false);
}

static int main_that_is_cancelled(void)
{
    return async_main(end_cancelled);
}

TEST(sigint_of_a_main_that_was_already_cancelled_gives_the_status_130)
{
    CHECK_EQ(run_in_child(main_that_is_cancelled_and_interrupted), 130);
    CHECK_EQ(run_in_child(main_that_is_cancelled), 1); /* no SIGINT came */
}

/* ---- the second one ------------------------------------------------------------------------- */

static int interrupt_twice(void)
{
    interrupt();
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    interrupt();
    return 0;
}
async_fn(interrupt_twice);

static int main_interrupted_twice(void)
{
    return async_main(interrupt_twice);
}

TEST(a_second_sigint_ends_the_process)
{
    CHECK_EQ(run_in_child(main_interrupted_twice), -SIGINT);
}

static int answer_and_interrupt_again(void)
{
    CHECK_EQ(answer(0), 0);
    interrupt();
    return 0;
}
async_fn(answer_and_interrupt_again);

static int main_interrupted_after_an_answer(void)
{
    return async_main(answer_and_interrupt_again);
}

TEST(a_second_sigint_ends_the_process_though_the_first_was_answered)
{
    CHECK_EQ(run_in_child(main_interrupted_after_an_answer), -SIGINT);
}

static int hang(void)
{
    interrupt();
    interrupt();
    while (pause() < 0)
        continue;
    return 0;
}
async_fn(hang);

static int main_that_hangs(void)
{
    return async_main(hang);
}

TEST(a_second_sigint_ends_a_process_that_does_not_come_to_its_loop)
{
    CHECK_EQ(run_in_child(main_that_hangs), -SIGINT);
}

/* ---- left alone ------------------------------------------------------------------------------ */

static int run_that_keeps_it(void)
{
    async_run_options options = {.keep_sigint = true};
    return async_run_with(&options, interrupt_once);
}

TEST(sigint_is_left_alone_with_keep_sigint)
{
    CHECK_EQ(run_in_child(run_that_keeps_it), -SIGINT);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled += number;
}

static int interrupt_and_sleep(void)
{
    interrupt();
    CHECK_EQ(async_task_cancelling(async_current_task()), 0);
    CHECK_EQ(async_sleep(1), 0);
    return 7;
}
async_fn(interrupt_and_sleep);

TEST_EACH_BACKEND(sigint_is_left_to_a_handler_that_was_there_before)
{
    struct sigaction now;
    signal(SIGINT, handle);
    CHECK_EQ(async_run_with(test_options(), interrupt_and_sleep), 7);
    CHECK_EQ(handled, SIGINT);
    CHECK_EQ(sigaction(SIGINT, NULL, &now), 0);
    CHECK(now.sa_handler == handle);
}

TEST_EACH_BACKEND(sigint_stays_ignored_where_it_was)
{
    struct sigaction now;
    signal(SIGINT, SIG_IGN);
    CHECK_EQ(async_run_with(test_options(), interrupt_and_sleep), 7);
    CHECK_EQ(sigaction(SIGINT, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_IGN);
}

static int note_handler(void)
{
    struct sigaction now;
    CHECK_EQ(sigaction(SIGINT, NULL, &now), 0);
    note(now.sa_handler == SIG_DFL ? "default" : "ours");
    return 0;
}
async_fn(note_handler);

TEST_EACH_BACKEND(sigint_is_given_back_after_the_run)
{
    note_handler();
    CHECK_EQ(async_run_with(test_options(), note_handler), 0);
    note_handler();
    CHECK_TRACE("default ours default");
}

static void *run_here(void *result)
{
    *(int *)result = async_run_with(test_options(), note_handler);
    return NULL;
}

TEST_EACH_BACKEND(sigint_is_left_alone_by_loops_on_other_threads)
{
    pthread_t thread;
    int result = -1;
    CHECK_EQ(pthread_create(&thread, NULL, run_here, &result), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(result, 0);
    CHECK_TRACE("default");
}

TEST_EACH_BACKEND(sigint_is_left_alone_by_a_loop_that_is_stepped)
{
    async_loop *loop;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    note_handler();
    async_task_detach(async_create_task(note_handler));
    CHECK_EQ(async_loop_step(loop, 0), 0);
    async_loop_close(loop);
    CHECK_TRACE("default default");
}

static int note_handler_at_the_end(void)
{
    int result = async_sleep(INFINITY);
    note_handler();
    return result;
}
async_fn(note_handler_at_the_end);

static int leave_one_behind(void)
{
    async_task_detach(async_create_task(note_handler_at_the_end));
    CHECK_EQ(async_sleep(1), 0);
    note_handler();
    return 0;
}
async_fn(leave_one_behind);

/* So that a task that does not end cannot keep the process from being interrupted. */
TEST_EACH_BACKEND(sigint_is_given_back_when_main_has_ended)
{
    CHECK_EQ(async_run_with(test_options(), leave_one_behind), 0);
    CHECK_TRACE("ours default");
}

/* ---- SIGQUIT -------------------------------------------------------------------------------- */

static int quit_and_go_on(void)
{
    CHECK_EQ(raise(SIGQUIT), 0);
    CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(raise(SIGQUIT), 0);
    return async_sleep(0.001);
}
async_fn(quit_and_go_on);

TEST_EACH_BACKEND(sigquit_prints_all_tasks_and_the_run_goes_on)
{
    capture_begin();
    int result = async_run_with(test_options(), quit_and_go_on);
    const char *said = capture_end(), *first = strstr(said, "#1 quit_and_go_on: waits");
    if (result != 0 || first == NULL || strstr(first + 1, "#1 quit_and_go_on: waits") == NULL)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

static int take_both(async_lock *first, async_lock *second)
{
    ASYNC_WITH(first);
    ASYNC_TRY(async_sleep(0));
    ASYNC_WITH(second);
    return 0;
}
async_fn(take_both, async_lock *, async_lock *);

/* The tasks begin to wait in the last burst before the signal. */
static int quit_in_a_circle(void)
{
    async_lock one = {0}, two = {0};
    async_task *tasks[] = {async_create_task(take_both, &one, &two),
                           async_create_task(take_both, &two, &one)};
    for (int i = 0; i < 4; i++)
        ASYNC_TRY(async_sleep(0));
    CHECK_EQ(raise(SIGQUIT), 0);
    ASYNC_TRY(async_sleep(0.001));
    for (int i = 0; i < 2; i++)
        async_task_cancel(tasks[i]);
    return async_gather_n(tasks, 2, NULL, ASYNC_RETURN_EXCEPTIONS);
}
async_fn(quit_in_a_circle);

TEST(sigquit_prints_a_cycle_of_waits_that_have_just_begun)
{
    capture_begin();
    int result = async_run(quit_in_a_circle);
    const char *said = capture_end();
    if (result != 0 || strstr(said, "cycle: #2 waits for #3 waits for #2\n") == NULL ||
        strstr(said, "  hint: tasks hold a lock") == NULL)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

static int wait_for_the_end(async_stream *stream, void *ready)
{
    char byte;
    async_event_set(ready);
    return async_stream_readexactly(stream, &byte, 1) == 1 ? 0 : -EIO;
}

static int quit_with_a_connection(void)
{
    async_event ready = {0};
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_start_server(&server, wait_for_the_end, &ready, "127.0.0.1", 0, NULL));
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1", async_server_port(server), NULL));
    ASYNC_TRY(async_event_wait(&ready));
    ASYNC_TRY(async_sleep(0.001));
    CHECK_EQ(raise(SIGQUIT), 0);
    ASYNC_TRY(async_sleep(0.001));
    return async_stream_write(stream, "x", 1);
}
async_fn(quit_with_a_connection);

/* Its task begins in a function of the library. */
TEST(sigquit_names_the_place_of_a_connection_in_the_program)
{
    capture_begin();
    int result = async_run(quit_with_a_connection);
    const char *said = capture_end();
    if (strstr(said, ", at quit_with_a_connection ") == NULL)
        test_skip("this program has no tables of its calls");
    if (result != 0 || strstr(said, ", at wait_for_the_end ") == NULL)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

static int quit_twice(void)
{
    CHECK_EQ(raise(SIGQUIT), 0);
    CHECK_EQ(raise(SIGQUIT), 0);
    return 0;
}
async_fn(quit_twice);

static int main_of_quit_twice(void)
{
    return async_main(quit_twice);
}

static int main_of_quit_left_alone(void)
{
    async_run_options options = {.keep_sigint = true};
    return async_main_with(&options, quit_and_go_on);
}

TEST(sigquit_ends_a_process_whose_loop_does_not_answer)
{
    CHECK_EQ(run_in_child(main_of_quit_twice), -SIGQUIT);
}

TEST(sigquit_is_left_alone_with_keep_sigint)
{
    CHECK_EQ(run_in_child(main_of_quit_left_alone), -SIGQUIT);
}
