/*
 * test_semantics_sigterm.c: SIGTERM, which cancels the main task as SIGINT does if the options ask
 * for it, and the time limit for a run that was interrupted. Programs that end their process run in
 * a child. test_semantics_interrupt.c has SIGINT.
 */
#include "run/coroutines.h"
#include "run/forks.h"
#include "run/trace.h"

/* How the program ends in a child process: its status, or BY_SIGNAL + signal. */
static int run_in_fork(int (*program)(void))
{
    pid_t child = fork_here();
    if (child == 0)
        _exit(program());
    return end_of(child);
}

static int note_end(void)
{
    int result = async_sleep(INFINITY);
    note("left%d", result);
    return result;
}
async_fn(note_end);

/* ---- SIGTERM --------------------------------------------------------------------------------- */

static const async_run_options orderly = {.cancel_on_sigterm = true, .virtual_clock = true};

/* Ends in order: the cleanup may wait, and so may the tasks that are left. */
static int clean_up_after(int number)
{
    async_task_detach(async_create_task(note_end));
    CHECK_EQ(raise(number), 0);
    int result = async_sleep(INFINITY);
    CHECK_EQ(async_no_cancel(async_sleep(3)), 0);
    note("cleaned");
    return result;
}
async_fn(clean_up_after, int);

TEST_EACH_BACKEND(sigterm_cancels_main_if_the_options_say_so)
{
    async_run_options options = *test_options();
    options.cancel_on_sigterm = true;
    CHECK_EQ(async_run_with(&options, clean_up_after, SIGTERM), -EINTR);
    CHECK_TRACE("cleaned left-125");
    CHECK_EQ(async_run_with(&options, interrupt_and_wait), -EINTR); /* SIGINT, as ever */
}

static int main_of_sigterm(void)
{
    return async_main_with(&orderly, clean_up_after, SIGTERM);
}

static int main_of_sigint(void)
{
    return async_main_with(&orderly, clean_up_after, SIGINT);
}

static int main_without_the_option(void)
{
    return async_main(clean_up_after, SIGTERM);
}

TEST(sigterm_gives_main_the_status_143)
{
    CHECK_EQ(run_in_fork(main_of_sigterm), 143);
    CHECK_EQ(run_in_fork(main_of_sigint), 130);
    CHECK_EQ(run_in_fork(main_without_the_option), BY_SIGNAL + SIGTERM);
}

static int receive_both(int first, int second)
{
    CHECK_EQ(raise(first), 0);
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(raise(second), 0);
    return async_sleep(INFINITY);
}
async_fn(receive_both, int, int);

static int main_of_sigterm_and_sigint(void)
{
    return async_main_with(&orderly, receive_both, SIGTERM, SIGINT);
}

static int main_of_sigint_and_sigterm(void)
{
    return async_main_with(&orderly, receive_both, SIGINT, SIGTERM);
}

static int main_of_two_sigterms(void)
{
    return async_main_with(&orderly, receive_both, SIGTERM, SIGTERM);
}

TEST(sigterm_and_sigint_give_the_status_of_the_first)
{
    CHECK_EQ(run_in_fork(main_of_sigterm_and_sigint), 143);
    CHECK_EQ(run_in_fork(main_of_sigint_and_sigterm), 130);
}

TEST(a_second_sigterm_ends_the_process)
{
    CHECK_EQ(run_in_fork(main_of_two_sigterms), BY_SIGNAL + SIGTERM);
}

static int catch_and_take(int number)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new(&signals, number));
    CHECK_EQ(raise(number), 0);
    CHECK_EQ(async_signals_next(signals), number);
    async_signals_free(signals);
    return clean_up_after(number);
}
async_fn(catch_and_take, int);

static int main_that_takes_sigterm(void)
{
    return async_main_with(&orderly, catch_and_take, SIGTERM);
}

TEST(sigterm_may_be_the_program_s_for_a_while)
{
    CHECK_EQ(run_in_fork(main_that_takes_sigterm), 143);
}

static int end_by_itself(void)
{
    CHECK_EQ(raise(SIGTERM), 0);
    return -ECANCELED;
}
async_fn(end_by_itself);

/* By then the loop has not delivered it. */
TEST_EACH_BACKEND(sigterm_that_comes_last_is_reported)
{
    async_run_options options = *test_options();
    options.cancel_on_sigterm = true;
    CHECK_EQ(async_run_with(&options, end_by_itself), -EINTR);
}

/* ---- the time limit -------------------------------------------------------------------------- */

static const async_run_options limited = {
    .cancel_on_sigterm = true, .shutdown_timeout = 5, .virtual_clock = true};

static int ignore_requests(void)
{
    return async_no_cancel(async_sleep(INFINITY));
}
async_fn(ignore_requests);

static int hang_after(int number)
{
    CHECK_EQ(raise(number), 0);
    return ignore_requests();
}
async_fn(hang_after, int);

static int main_that_hangs_after_sigterm(void)
{
    return async_main_with(&limited, hang_after, SIGTERM);
}

static int main_that_hangs_after_sigint(void)
{
    return async_main_with(&limited, hang_after, SIGINT);
}

TEST(shutdown_timeout_ends_the_process_by_the_signal)
{
    CHECK_EQ(run_in_fork(main_that_hangs_after_sigterm), BY_SIGNAL + SIGTERM);
    CHECK_EQ(run_in_fork(main_that_hangs_after_sigint), BY_SIGNAL + SIGINT);
}

DEATH_TEST(shutdown_timeout_names_the_tasks_that_are_left,
           "the run has not ended within 5 s after SIGTERM|hang_after|waits in async_sleep")
{
    main_that_hangs_after_sigterm();
}

static int leave_a_task_that_hangs(void)
{
    async_task_detach(async_create_task(ignore_requests));
    return interrupt_and_wait();
}
async_fn(leave_a_task_that_hangs);

static int main_that_leaves_one_that_hangs(void)
{
    return async_main_with(&limited, leave_a_task_that_hangs);
}

TEST(shutdown_timeout_counts_for_the_tasks_that_are_left)
{
    CHECK_EQ(run_in_fork(main_that_leaves_one_that_hangs), BY_SIGNAL + SIGINT);
}

static int main_that_ends_in_time(void)
{
    return async_main_with(&limited, clean_up_after, SIGTERM);
}

TEST(shutdown_timeout_does_not_touch_a_run_that_ends_in_time)
{
    CHECK_EQ(run_in_fork(main_that_ends_in_time), 143);
}

static int answer_and_go_on(void)
{
    CHECK_EQ(raise(SIGTERM), 0);
    CHECK_EQ(async_sleep(INFINITY), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_sleep(100);
}
async_fn(answer_and_go_on);

static int main_that_answers_and_goes_on(void)
{
    return async_main_with(&limited, answer_and_go_on);
}

/* An orderly end answers the request, so that its calls can wait. */
TEST(shutdown_timeout_counts_also_if_main_answers)
{
    CHECK_EQ(run_in_fork(main_that_answers_and_goes_on), BY_SIGNAL + SIGTERM);
}

TEST_EACH_BACKEND(shutdown_timeout_ends_with_a_run_of_a_runner)
{
    async_runner runner = {.options = *test_options()};
    runner.options.shutdown_timeout = 5;
    CHECK_EQ(async_runner_run(&runner, interrupt_and_wait), -EINTR);
    CHECK_EQ(async_runner_run(&runner, give_after, 100, 7), 7);
    async_runner_close(&runner);
}

static int end_cancelled_at_once(void)
{
    return -ECANCELED;
}
async_fn(end_cancelled_at_once);

TEST(shutdown_timeout_is_a_number_of_seconds)
{
    async_run_options options = {.shutdown_timeout = -1};
    CHECK_EQ(async_run_with(&options, end_cancelled_at_once), -EINVAL);
    options.shutdown_timeout = NAN;
    CHECK_EQ(async_run_with(&options, end_cancelled_at_once), -EINVAL);
    options.shutdown_timeout = ASYNC_FOREVER;
    CHECK_EQ(async_run_with(&options, end_cancelled_at_once), -ECANCELED);
}
