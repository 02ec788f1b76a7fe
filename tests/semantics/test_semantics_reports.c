/*
 * test_semantics_reports.c: the library's texts on standard error, word for word where programs
 * depend on them: errors that were never retrieved, failures of async_main, and the reports of
 * debug mode.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/trace.h"
#include "stack/context.h"
#include "sys/clock.h"
#include "sys/tools.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- captured standard error ----------------------------------------------------------------- */

/* The text written to standard error while the program ran. */
static const char *said;

/* Without those about turns: on a busy machine each of them may be slow. */
static int count_lines(void)
{
    int lines = 0;
    for (const char *c = said; *c != '\0'; c++)
        lines += *c == '\n';
    for (const char *c = said; (c = strstr(c, " held the loop for ")) != NULL; c++)
        lines--;
    return lines;
}

/* Checks that this was printed, and the number of lines. */
static void check_said(int lines, const char *expected)
{
    if (strstr(said, expected) == NULL)
        test_fail(__FILE__, __LINE__, "\"%s\" is missing from:\n%s", expected, said);
    CHECK_EQ(count_lines(), lines);
}

static int call(int (*coroutine)(void))
{
    return coroutine();
}
async_fn(call, int (*)(void));

static void run_captured_with(const async_run_options *options, int (*coroutine)(void))
{
    capture_begin();
    int result = async_run_with(options, call, coroutine);
    said = capture_end();
    CHECK_EQ(result, 0);
}

/* Runs the coroutine, which must return 0, and keeps its standard error. */
static void run_captured(int (*coroutine)(void))
{
    run_captured_with(test_options(), coroutine);
}

/* ---- errors that were never retrieved -------------------------------------------------------- */

static int fail(void)
{
    return async_fail(-EIO, "the disk is on fire");
}
async_fn(fail);

static int detach_before_the_end(void)
{
    async_task_detach(async_create_task(fail));
    return async_sleep(1);
}

static int detach_after_the_end(void)
{
    async_task *task = async_create_task(fail);
    CHECK_EQ(async_sleep(1), 0);
    CHECK(async_task_done(task) &&
          !async_task_cancelled(task)); /* this does not retrieve the error */
    async_task_detach(task);
    return 0;
}

static int never_detach(void)
{
    return async_create_task(fail) != NULL ? async_sleep(1) : -ENOMEM;
}

static int let_one_of_two_handles_go(void)
{
    async_task *task = async_create_task(fail);
    async_task_detach(async_task_ref(task));
    CHECK_EQ(async_sleep(1), 0);
    async_task_detach(task);
    return 0;
}

TEST(an_error_never_retrieved_is_reported_when_the_last_handle_goes)
{
    static int (*const coroutines[])(void) = {detach_before_the_end, detach_after_the_end,
                                              never_detach, let_one_of_two_handles_go};
    for (size_t i = 0; i < sizeof coroutines / sizeof *coroutines; i++) {
        run_captured(coroutines[i]);
        check_said(1, "asyncio: task #2 'fail' (created at ");
        check_said(1, "test_semantics_reports.c:");
        check_said(1, ") failed and its result was never retrieved: -EIO: the disk is on fire\n");
    }
}

static void note_nothing(async_task *task, void *argument)
{
    (void)argument;
    CHECK(async_task_done(task));
}

static int go_on_after_a_failure(void)
{
    async_task *task = async_create_task(fail);
    CHECK_EQ(async_task_add_done_callback(task, note_nothing, NULL), 0);
    async_task_detach(task);
    CHECK_EQ(async_sleep(1), 0);
    dprintf(STDERR_FILENO, "later\n");
    return 0;
}

TEST(an_error_never_retrieved_is_reported_at_once)
{
    run_captured(go_on_after_a_failure);
    check_said(2, "was never retrieved: -EIO: the disk is on fire\nlater\n");
}

static int fail_without_a_word(void)
{
    async_task_detach(async_create_task(give, -EPIPE));
    async_task_detach(async_create_task(give, -99999));
    return async_sleep(1);
}

TEST(an_error_never_retrieved_is_reported_with_the_system_s_text_if_it_has_no_message)
{
    run_captured(fail_without_a_word);
    check_said(2, "was never retrieved: -EPIPE: Broken pipe\n");
    check_said(2, "was never retrieved: -99999: unknown error\n");
}

static int look_at_everything(void)
{
    async_task *asked = async_create_task(fail), *shared = async_create_task(fail);
    async_task *tasks[] = {async_create_task(fail), async_create_task(fail),
                           async_create_task(give, -EPIPE)};
    CHECK_EQ(async_await(async_create_task(fail)), -EIO);
    CHECK_EQ(async_gather(async_create_task(fail), async_create_task(fail)), -EIO);
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_RETURN_EXCEPTIONS), 0);
    CHECK_EQ(async_task_result(asked), -EIO);
    async_task_detach(asked);
    CHECK_EQ(async_await(async_task_ref(shared)), -EIO);
    async_task_detach(shared);
    return 0;
}

TEST(an_error_that_was_retrieved_is_not_reported)
{
    run_captured(look_at_everything);
    CHECK_STR(said, "");
}

static int end_otherwise(void)
{
    async_task *cancelled = async_create_task(forever);
    async_task_cancel(cancelled);
    async_task_detach(cancelled);
    async_task_detach(async_create_task(give, 7));
    async_task_detach(async_create_task(forever));
    return async_sleep(1);
}

TEST(a_cancelled_task_and_one_that_succeeded_are_not_reported)
{
    run_captured(end_otherwise);
    CHECK_STR(said, "");
}

TEST(the_error_of_main_is_the_caller_s_to_report)
{
    capture_begin();
    CHECK_EQ(async_run_with(test_options(), fail), -EIO);
    said = capture_end();
    CHECK_STR(said, "");
}

/* ---- async_main ----------------------------------------------------------------------------- */

static int await_failure(void)
{
    return async_await(async_create_task(fail));
}
async_fn(await_failure);

TEST(main_reports_its_error_with_its_message)
{
    capture_begin();
    CHECK_EQ(async_main(await_failure), 1);
    said = capture_end();
    CHECK_STR(said, "asyncio: await_failure failed: -EIO: the disk is on fire\n");
}

TEST(main_reports_its_error_with_the_system_s_text)
{
    capture_begin();
    CHECK_EQ(async_main(give, -ECONNREFUSED), 1);
    CHECK_EQ(async_main(give, -ECANCELED), 1);
    said = capture_end();
    CHECK_STR(said, "asyncio: give failed: -ECONNREFUSED: Connection refused\n"
                    "asyncio: give failed: -ECANCELED: Operation canceled\n");
}

TEST(main_prints_nothing_for_success_and_for_an_interrupt)
{
    capture_begin();
    CHECK_EQ(async_main(give, 0), 0);
    CHECK_EQ(async_main(give, 7), 7);
    CHECK_EQ(async_main(interrupt_and_wait), 130);
    said = capture_end();
    CHECK_STR(said, "");
}

static int run_main_inside(void)
{
    CHECK_EQ(async_main(give, 0), 1);
    return 0;
}

TEST(main_reports_why_there_is_no_loop)
{
    run_captured(run_main_inside);
    CHECK_STR(said, "asyncio: cannot create a loop: -EBUSY: this thread has a loop already; in a "
                    "task, call the coroutine itself\n");
}

TEST(run_names_the_backends_when_there_is_none_of_that_name)
{
    async_run_options options = *test_options();
    options.backend = "kqueue";
    capture_begin();
    CHECK_EQ(async_run_with(&options, fail), -EINVAL);
    said = capture_end();
    CHECK_STR(said, "asyncio: there is no backend 'kqueue'; choose epoll, uring or sim\n");
}

/* ---- debug mode ----------------------------------------------------------------------------- */

static void run_debugged(int (*coroutine)(void))
{
    async_run_options options = *test_options();
    options.debug = true;
    options.backend = "epoll";
    run_captured_with(&options, coroutine);
}

static int do_little(void)
{
    return async_await(async_create_task(give, 0));
}

TEST(debug_mode_prints_counts_when_the_loop_closes)
{
    run_debugged(do_little);
    CHECK_STR(said, "asyncio: the epoll loop closes; tasks created: 2 (main included), left: 0; "
                    "stacks in use: 0; "
                    "operations in flight: 0\n");
    run_captured(do_little);
    CHECK_STR(said, "");
}

TEST(debug_mode_can_be_had_from_the_environment)
{
    setenv("ASYNCIO_DEBUG", "1", 1);
    run_captured(do_little);
    CHECK(strstr(said, "loop closes; tasks created: 2 ") !=
          NULL); /* on a slow machine, more beside it */
    setenv("ASYNCIO_DEBUG", "0", 1);
    run_captured(do_little);
    CHECK_STR(said, "");
}

static int forget_tasks(void)
{
    async_task *ended = async_create_task(give, 0), *endless = async_create_task(forever);
    async_task *looked_at = async_create_task(give, 0), *detached = async_create_task(give, 0);
    CHECK(ended != NULL && endless != NULL);
    async_task_detach(detached);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(async_task_result(looked_at), 0);
    return 0;
}

static int detach_a_task(void)
{
    async_task_detach(async_create_task(forever));
    return async_sleep(0);
}

TEST(debug_mode_lets_detached_tasks_be_cut_short)
{
    run_debugged(detach_a_task);
    CHECK(strstr(said, "should it have been awaited") == NULL);
}

/* Each time limit is answered, but after it a call is refused. */
static int poll_with_time_limits(void)
{
    for (int i = 0; i < 300; i++) {
        async_event event = {0};
        CHECK_EQ(async_timeout(0, async_event_wait(&event)), -ETIMEDOUT);
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}

TEST(debug_mode_blames_no_task_that_answers_its_time_limits)
{
    run_debugged(poll_with_time_limits);
    CHECK(strstr(said, "ignores") == NULL);
}

TEST(debug_mode_names_tasks_that_were_forgotten)
{
    run_debugged(forget_tasks);
    check_said(3, "asyncio: task #3 'forever' (created at ");
    check_said(
        3,
        ") has not ended at the end of the run and is cancelled; should it have been awaited?\n");
    check_said(3, "asyncio: task #2 'give' (created at ");
    check_said(3, ") was never awaited, gathered or detached\n");
    run_captured(forget_tasks);
    CHECK_STR(said, "");
}

static int forget_three(void)
{
    for (int i = 0; i < 3; i++)
        CHECK(async_create_task(give, 0) != NULL);
    return async_sleep(1);
}

TEST(debug_mode_reports_forgotten_tasks_of_one_place_together)
{
    run_debugged(forget_three);
    check_said(2, "asyncio: task #2 'give' (created at ");
    check_said(2,
               "), and 2 more that were created there, were never awaited, gathered or detached\n");
}

/* async_task_wait takes no handle. */
static int read_results(int count)
{
    for (int i = 0; i < count; i++)
        CHECK_EQ(async_task_wait(async_create_task(give, 0)), 0);
    return 0;
}

static int read_many_results(void)
{
    return read_results(100);
}

static int read_some_results(void)
{
    return read_results(99);
}

TEST(debug_mode_reports_many_handles_after_their_results_were_read)
{
    run_debugged(read_many_results);
    check_said(2,
               "), and 99 more that were created there: their results were read, but each handle");
    run_debugged(read_some_results);
    check_said(1, "asyncio: the ");
}

/* The only place where real time is spent: no other way to be slow exists. */
static void hold_the_loop(void *unused)
{
    (void)unused;
    usleep(110000);
}

static int hold_the_loop_twice(void)
{
    async_call_soon(hold_the_loop, NULL);
    hold_the_loop(NULL);
    return async_sleep(1);
}
async_fn(hold_the_loop_twice);

static int await_a_slow_one(void)
{
    return async_await(async_create_task(hold_the_loop_twice));
}

TEST(debug_mode_names_the_task_that_held_the_loop)
{
    run_debugged(await_a_slow_one);
    check_said(1, "asyncio: task #2 'hold_the_loop_twice' (created at ");
    check_said(1, ") held the loop for 0.");
    check_said(1, " s; nothing else could run meanwhile\nasyncio: a callback held the loop for 0.");
}

static atomic_bool is_over;

static void *compute(void *unused)
{
    while (!atomic_load(&is_over))
        continue;
    return unused;
}

/* Beside another thread, on one processor, it gets a thousandth of the time. */
static int compute_without_a_processor(void)
{
    const struct sched_param none = {.sched_priority = 0};
    if (sched_setscheduler(0, SCHED_IDLE, &none) < 0)
        test_skip("the kernel has no SCHED_IDLE");
    for (int64_t end_ns = asyncp_sys_clock_now() + NS_PER_SECOND; asyncp_sys_clock_now() < end_ns;)
        continue;
    atomic_store(&is_over, true); /* only root may leave SCHED_IDLE */
    return 0;
}

TEST(debug_mode_tells_that_a_task_had_no_processor)
{
    cpu_set_t one;
    pthread_t thread;
    if (test_is_emulated() || tools_under_valgrind())
        test_skip("threads run in turn");
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQ(pthread_create(&thread, NULL, compute, NULL), 0);
    run_debugged(compute_without_a_processor);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(strstr(said, "s, but the machine gave it a processor for only 0.") != NULL);
}

static int ignore_cancellation(int times)
{
    for (int i = 0; i < times; i++)
        async_ignore(async_sleep(1));
    async_task_uncancel(async_current_task());
    return 0;
}
async_fn(ignore_cancellation, int);

static int be_cancelled_again(void)
{
    async_task_cancel(async_current_task());
    async_ignore(ignore_cancellation(99));
    async_task_cancel(async_current_task());
    return ignore_cancellation(99);
}
async_fn(be_cancelled_again);

static int cancel_stubborn_tasks(void)
{
    async_task *patient = async_create_task(ignore_cancellation, 99);
    async_task *stubborn = async_create_task(ignore_cancellation, 250);
    async_task_cancel(patient);
    async_task_cancel(stubborn);
    return async_gather(patient, stubborn, async_create_task(be_cancelled_again));
}

TEST(debug_mode_names_a_task_that_ignores_a_cancellation)
{
    run_debugged(cancel_stubborn_tasks);
    check_said(2, "asyncio: task #3 'ignore_cancellation' (created at ");
    check_said(2, ") ignores its cancellation: 100 calls were refused with -ECANCELED");
    check_said(2, "; return the error, or answer with async_task_uncancel(async_current_task())\n");
    if (asyncp_switch_resume != NULL) /* else stacks are not unwound */
        check_said(2, ", the last one at ignore_cancellation ");
    run_captured(cancel_stubborn_tasks);
    CHECK_STR(said, "");
}

static int turn_debug_on_before_the_last_refusal(void)
{
    async_ignore(async_sleep(1));
    for (int i = 0; i < 99; i++)
        async_ignore(async_sleep(0));
    async_loop_set_debug(async_get_loop(), true);
    return async_sleep(0);
}
async_fn(turn_debug_on_before_the_last_refusal);

/* The burst in which debug mode begins runs on without its checks, and the task ends in it. */
static int end_before_the_report(void)
{
    async_task *task = async_create_task(turn_debug_on_before_the_last_refusal);
    ASYNC_TRY(async_sleep(0.01));
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    for (int i = 0; i < 1000; i++)
        ASYNC_TRY(async_sleep(0));
    async_loop_set_debug(async_get_loop(), false);
    return 0;
}

TEST(debug_mode_forgets_a_task_that_ends_before_its_refusals_are_reported)
{
    run_captured(end_before_the_report);
    CHECK_STR(said, "");
}

/* ---- the list of tasks ---------------------------------------------------------------------- */

static int show_tasks(void)
{
    async_task *sleeper = async_create_task(forever);
    async_task *waiter = async_create_task(await_failure);
    CHECK_EQ(async_task_set_name(waiter, "the waiter"), 0);
    async_call_later(5, note_argument, "");
    CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(sleeper);
    async_dump(STDERR_FILENO);
    return async_gather_n((async_task *[]){sleeper, waiter}, 2, NULL, ASYNC_RETURN_EXCEPTIONS);
}

TEST(dump_shows_what_every_task_is_doing)
{
    run_captured(show_tasks);
    CHECK(strstr(said, "asyncio: tasks: 4, ") == said);
    check_said(5, "  call                 runs, created at ");
    check_said(5, "  forever              is ready, cancel requests: 1, created at ");
    check_said(5, "  the waiter           waits in async_await");
}

/* A name may be from a peer: the end of a line, and what a terminal would execute. */
static int fails_under_a_foreign_name(void)
{
    async_task *task = async_create_task(await_failure);
    CHECK_EQ(async_task_set_name(task, "x\n\033[2J"), 0);
    async_dump(STDERR_FILENO);
    CHECK_EQ(async_sleep(10), 0);
    async_task_detach(task);
    return 0;
}

TEST(names_of_tasks_are_shown_without_control_characters)
{
    run_captured(fails_under_a_foreign_name);
    CHECK(strstr(said, "x\\x0A\\x1B[2J ") != NULL);
    CHECK(strstr(said, "'x\\x0A\\x1B[2J' (created at ") != NULL);
    CHECK(strchr(said, '\033') == NULL);
}

TEST(dump_without_a_loop_says_so)
{
    capture_begin();
    async_dump(STDERR_FILENO);
    said = capture_end();
    CHECK_STR(said, "asyncio: this thread has no loop\n");
}

/* ---- misuse --------------------------------------------------------------------------------- */

static int releases_wrongly(async_lock *lock)
{
    async_lock_release(lock);
    return 0;
}
async_fn(releases_wrongly, async_lock *);

static int creates_it(void)
{
    static async_lock lock;
    return async_await(async_create_task(releases_wrongly, &lock));
}
async_fn(creates_it);

DEATH_TEST(report_of_a_misuse_names_the_running_task,
           "the lock is not held|asyncio: in task #2 'releases_wrongly' (created at")
{
    async_ignore(async_run(creates_it));
}
