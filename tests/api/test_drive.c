/*
 * test_drive.c: loops that are run until they are stopped or a task has ended, and runners, which
 * run one coroutine after the other on one loop.
 */
#include "run/coroutines.h"
#include "run/latch.h"
#include "run/trace.h"

#include <math.h>
#include <signal.h>

static async_loop *make_loop(void)
{
    async_loop *loop = NULL;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    return loop;
}

static void stop(void *loop)
{
    note("stop");
    async_loop_stop(loop);
}

/* ---- until it is stopped -------------------------------------------------------------------- */

TEST_EACH_BACKEND(drive_run_forever_ends_when_it_is_stopped)
{
    async_loop *loop = make_loop();
    for (int i = 1; i <= 2; i++) {
        CHECK(async_call_later(3600, stop, loop).id != 0);
        CHECK(async_call_later(1800, note_argument, (void *)"half").id != 0);
        CHECK_EQ(async_loop_run_forever(loop), 0);
        CHECK_TRACE("half stop");
        CHECK(async_time() == 3600 * i);
    }
    async_loop_close(loop);
}

TEST_EACH_BACKEND(drive_stop_lets_the_iteration_end)
{
    async_loop *loop = make_loop();
    CHECK(async_call_soon(stop, loop).id != 0);
    CHECK(async_call_soon(note_argument, (void *)"same").id != 0);
    CHECK_EQ(async_loop_run_forever(loop), 0);
    CHECK_TRACE("stop same");
    async_loop_close(loop);
}

/* As in CPython: one iteration, which does not wait. */
TEST_EACH_BACKEND(drive_stopped_before_it_runs_one_iteration)
{
    async_loop *loop = make_loop();
    async_loop_stop(loop);
    CHECK_EQ(async_loop_run_forever(loop), 0);
    async_loop_stop(loop);
    CHECK(async_call_soon(note_argument, (void *)"ready").id != 0);
    CHECK(async_call_later(1, note_argument, (void *)"later").id != 0);
    CHECK_EQ(async_loop_run_forever(loop), 0);
    CHECK_TRACE("ready");
    async_loop_close(loop);
    async_loop_stop(NULL);
    CHECK_EQ(async_loop_run_forever(NULL), -EINVAL);
}

static int stop_and_sleep(async_loop *loop)
{
    CHECK(async_loop_is_running(loop));
    stop(loop);
    ASYNC_TRY(async_sleep(1));
    note("awake");
    return 5;
}
async_fn(stop_and_sleep, async_loop *);

TEST_EACH_BACKEND(drive_remaining_tasks_go_on_in_the_next_run)
{
    async_loop *loop = make_loop();
    CHECK(!async_loop_is_running(loop) && !async_loop_is_running(NULL));
    async_task *task = async_create_task(stop_and_sleep, loop);
    CHECK(task != NULL);
    CHECK_EQ(async_loop_run_forever(loop), 0);
    CHECK(!async_loop_is_running(loop) && !async_task_done(task));
    CHECK_EQ(async_loop_run_until_complete(loop, task), 5);
    CHECK_TRACE("stop awake");
    async_loop_close(loop);
}

/* ---- until a task has ended ----------------------------------------------------------------- */

TEST_EACH_BACKEND(drive_run_until_complete_gives_the_result)
{
    async_loop *loop = make_loop();
    CHECK_EQ(async_loop_run_until_complete(loop, async_create_task(give_after, 10, 7)), 7);
    CHECK_EQ(async_loop_run_until_complete(loop, async_create_task(give, -EPROTO)), -EPROTO);
    async_task *task = async_create_task(give, 3);
    CHECK_EQ(async_loop_run_until_complete(loop, async_task_ref(task)), 3);
    CHECK_EQ(async_loop_run_until_complete(loop, task), 3); /* it has ended already */
    CHECK_EQ(async_loop_run_until_complete(loop, NULL), -ENOMEM);
    CHECK_EQ(async_loop_run_until_complete(NULL, NULL), -EINVAL);
    async_loop_close(loop);
}

TEST_EACH_BACKEND(drive_run_until_complete_takes_the_task_even_without_a_loop)
{
    async_loop *loop = make_loop();
    CHECK_EQ(async_loop_run_until_complete(NULL, async_create_task(give, 1)), -EINVAL);
    CHECK_EQ(async_loop_run_until_complete(loop, async_create_task(give, 2)), 2);
    async_loop_close(loop);
}

TEST_EACH_BACKEND(drive_run_until_complete_says_that_it_was_stopped)
{
    async_loop *loop = make_loop();
    CHECK_EQ(async_loop_run_until_complete(loop, async_create_task(stop_and_sleep, loop)),
             -EINPROGRESS);
    CHECK_EQ(async_loop_run_until_complete(loop, async_create_task(give_after, 2, 0)), 0);
    CHECK_TRACE("stop awake");
    async_loop_close(loop);
}

static int stop_own_loop(void)
{
    async_loop_stop(async_get_loop());
    ASYNC_TRY(async_sleep(1));
    return 7;
}
async_fn(stop_own_loop);

TEST_EACH_BACKEND(drive_stop_does_not_end_async_run)
{
    CHECK_EQ(async_run_with(test_options(), stop_own_loop), 7);
}

static int stop_from_thread(async_loop *loop)
{
    return async_call_soon_threadsafe(loop, stop, loop);
}
async_fn(stop_from_thread, async_loop *);

/* Or the loop would run for ever. */
static int stop_somehow(async_loop *loop)
{
    if (async_to_thread(stop_from_thread, loop) < 0)
        async_loop_stop(loop);
    return 0;
}
async_fn(stop_somehow, async_loop *);

TEST_EACH_BACKEND(drive_run_forever_is_stopped_from_another_thread)
{
    async_loop *loop = make_loop();
    async_task *task = async_create_task(stop_somehow, loop);
    CHECK(task != NULL);
    async_task_detach(task);
    CHECK_EQ(async_loop_run_forever(loop), 0);
    CHECK_TRACE("stop");
    async_loop_close(loop);
}

static int run_own_loop(void)
{
    return async_loop_run_forever(async_get_loop());
}
async_fn(run_own_loop);

DEATH_TEST(drive_run_forever_inside_the_loop,
           "async_loop_run_forever was called by a task or a callback of the loop")
{
    async_run(run_own_loop);
}

DEATH_TEST(drive_stop_of_another_thread_s_loop,
           "async_loop_stop: this is not the calling thread's loop")
{
    async_loop *loop = make_loop();
    async_loop_close(loop);
    async_loop_stop(loop);
}

/* ---- runners -------------------------------------------------------------------------------- */

static int leave_one_behind(void)
{
    async_task_detach(async_create_task(note_name_after, 5, "left"));
    return async_sleep(1);
}
async_fn(leave_one_behind);

TEST_EACH_BACKEND(drive_runner_keeps_its_loop_and_the_remaining_tasks)
{
    async_auto_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, leave_one_behind), 0);
    async_loop *loop = async_runner_get_loop(&runner);
    CHECK(loop != NULL && loop == async_get_loop());
    CHECK_EQ(async_runner_run(&runner, note_name_after, 5, "mine"), 0);
    CHECK_TRACE("left mine");
    CHECK_EQ(async_runner_run(&runner, give, -EPROTO), -EPROTO);
    CHECK(async_time() == 6);
}

static int say_goodbye(void)
{
    int result = async_sleep(INFINITY);
    note("%d", result == -ECANCELED);
    return result;
}
async_fn(say_goodbye);

static int leave_a_goodbye(void)
{
    async_task_detach(async_create_task(say_goodbye));
    return async_sleep(0);
}
async_fn(leave_a_goodbye);

TEST_EACH_BACKEND(drive_runner_cancels_the_remaining_tasks_when_it_is_closed)
{
    async_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, leave_a_goodbye), 0);
    CHECK_TRACE("");
    async_runner_close(&runner);
    CHECK_TRACE("1");
    CHECK(async_get_loop() == NULL);
    async_runner_close(&runner);
    async_runner_close(NULL);
    CHECK_EQ(async_runner_run(&runner, give, 7), 7); /* as good as new */
    async_runner_close(&runner);
}

TEST_EACH_BACKEND(drive_runner_makes_its_loop_on_first_use)
{
    async_auto_runner runner = {.options = *test_options()};
    CHECK(async_runner_get_loop(&runner) == async_get_loop() && async_get_loop() != NULL);
    CHECK_EQ(async_runner_run(&runner, give, 7), 7);
    CHECK(async_runner_get_loop(NULL) == NULL);
}

TEST(drive_runner_that_can_make_no_loop_says_why)
{
    async_auto_runner runner = {.options = {.backend = "none"}};
    CHECK_EQ(async_runner_run(&runner, give, 7), -EINVAL);
    CHECK(async_runner_get_loop(&runner) == NULL && async_get_loop() == NULL);
}

static int run_inside(async_runner *runner)
{
    async_auto_runner other = {0};
    CHECK_EQ(async_runner_run(runner, give, 7), -EBUSY);
    CHECK_EQ(async_runner_run(&other, give, 7), -EBUSY);
    CHECK(async_runner_get_loop(&other) == NULL);
    return async_sleep(1);
}
async_fn(run_inside, async_runner *);

TEST_EACH_BACKEND(drive_runner_inside_a_loop_is_refused)
{
    async_auto_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, run_inside, &runner), 0);
}

/* Each run cancels at its first SIGINT. */
TEST_EACH_BACKEND(drive_runner_cancels_each_run_at_its_first_sigint)
{
    async_auto_runner runner = {.options = *test_options()};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_runner_run(&runner, interrupt_and_wait), -EINTR);
        CHECK_EQ(async_runner_run(&runner, give, 7), 7);
        CHECK_EQ(async_runner_run(&runner, give, -ECANCELED), -ECANCELED);
    }
    struct sigaction now;
    CHECK_EQ(sigaction(SIGINT, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
}

static int be_interrupted_late(void)
{
    raise(SIGINT);
    return 5;
}
async_fn(be_interrupted_late);

TEST_EACH_BACKEND(drive_runner_has_no_sigint_left_for_the_next_run)
{
    async_auto_runner runner = {.options = *test_options()};
    CHECK_EQ(async_runner_run(&runner, be_interrupted_late), 5);
    CHECK_EQ(async_runner_run(&runner, give_after, 1, 7), 7);
    CHECK_EQ(async_runner_run(&runner, interrupt_and_wait), -EINTR);
    runner.options.keep_sigint = true;
    CHECK_EQ(async_runner_run(&runner, give, -ECANCELED), -ECANCELED);
}

DEATH_TEST(drive_runner_that_is_null, "async_runner_run: the runner is NULL")
{
    async_runner *runner = NULL;
    async_ignore(async_runner_run(runner, give, 7));
}

TEST_EACH_BACKEND(drive_runner_without_memory_for_the_task)
{
    async_auto_runner runner = {.options = *test_options()};
    CHECK(async_runner_get_loop(&runner) != NULL);
    test_allow_allocations(0);
    CHECK_EQ(async_runner_run(&runner, give, 7), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(async_runner_run(&runner, give, 7), 7);
}
