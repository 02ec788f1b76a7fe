/*
 * test_semantics_deadlock_threads.c: which threads may still wake a loop, and for how long, so that
 * it is in no deadlock; all on the real clock.
 */
#include "run/deadlocks.h"
#include "run/forks.h"

#include <pthread.h>
#include <time.h>

/* ---- threads of the library ----------------------------------------------------------------- */

static async_loop *_Atomic loop_in_job;
static async_event event_in_job;

static int wait_in_job(void)
{
    loop_in_job = async_get_loop();
    return async_event_wait(&event_in_job);
}
async_fn(wait_in_job);

static int run_loop(void)
{
    return async_run_with(test_options(), wait_in_job);
}
async_fn(run_loop);

static void set_event(void *event)
{
    async_event_set(event);
}

static int wake_loop_in_job(void)
{
    const async_task_options options = {.executor = ASYNC_DEFAULT_EXECUTOR};
    async_task *other = async_create_task_with(&options, run_loop);
    while (loop_in_job == NULL)
        ASYNC_TRY(async_sleep(0.001));
    ASYNC_TRY(async_sleep(0.05));
    ASYNC_TRY(async_call_soon_threadsafe(loop_in_job, set_event, &event_in_job));
    return async_await(other);
}

TEST(deadlock_is_none_in_a_loop_in_a_job_that_the_main_thread_wakes)
{
    CHECK_EQ(async_run_with(test_options(), call, wake_loop_in_job), 0);
}

static int do_nothing(void)
{
    return 0;
}
async_fn(do_nothing);

static int wait_after_a_job(void)
{
    async_event event = {0};
    CHECK(async_get_loop() != NULL); /* other threads of the program could know it */
    ASYNC_TRY(async_to_thread(do_nothing));
    return async_event_wait(&event);
}

/* The thread that has sent the result may not have released the loop yet. */
TEST_EACH_BACKEND(deadlock_right_after_a_job_is_reported)
{
    skip_where_a_tool_has_threads();
    for (int i = 0; i < 30; i++)
        check_says(run_into_deadlock(wait_after_a_job), "asyncio: deadlock: ");
}

/* ---- threads of the program ----------------------------------------------------------------- */

struct waker {
    async_loop *loop;
    async_event event;
    pthread_t thread;
};

static void *wake_loop(void *argument)
{
    struct waker *waker = argument;
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    CHECK_EQ(async_call_soon_threadsafe(waker->loop, set_event, &waker->event), 0);
    return NULL;
}

static void start_waker(struct waker *waker, void *(*function)(void *waker))
{
    waker->loop = async_get_loop();
    CHECK_EQ(pthread_create(&waker->thread, NULL, function, waker), 0);
}

static int wait_for_ever_after_a_thread(void)
{
    struct waker waker = {.loop = NULL};
    async_event never = {0};
    start_waker(&waker, wake_loop);
    ASYNC_TRY(async_event_wait(&waker.event));
    CHECK_EQ(pthread_join(waker.thread, NULL), 0);
    return async_event_wait(&never);
}

TEST(deadlock_after_the_last_thread_has_ended_is_certain)
{
    skip_where_a_tool_has_threads();
    check_says(run_into_deadlock(wait_for_ever_after_a_thread), "asyncio: deadlock: ");
}

static _Atomic int ticks_seen;

static void count_tick(int number)
{
    (void)number;
    ticks_seen++;
}

static void *wake_after_ticks(void *argument)
{
    struct waker *waker = argument;
    while (ticks_seen < 10)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    CHECK_EQ(async_call_soon_threadsafe(waker->loop, set_event, &waker->event), 0);
    return NULL;
}

/* Signals end the waits of the loop early; the thread sets the event after them. */
static int wait_among_signals(void)
{
    const struct itimerspec often = {.it_interval.tv_nsec = 20000000, .it_value.tv_nsec = 20000000};
    struct sigevent tick = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct waker waker = {.loop = NULL};
    sigset_t ticks;
    timer_t timer;
    sigemptyset(&ticks);
    sigaddset(&ticks, SIGUSR1);
    CHECK_EQ(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = count_tick}, NULL), 0);
    pthread_sigmask(SIG_BLOCK, &ticks, NULL); /* not in the other thread */
    start_waker(&waker, wake_after_ticks);
    pthread_sigmask(SIG_UNBLOCK, &ticks, NULL);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &tick, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &often, NULL), 0);
    int result = async_event_wait(&waker.event);
    timer_delete(timer);
    CHECK_EQ(pthread_join(waker.thread, NULL), 0);
    return result;
}

TEST(deadlock_is_likely_only_after_a_second_whatever_signals_come)
{
    async_run_options options = *test_options();
    options.debug = true;
    capture_begin();
    int result = async_run_with(&options, call, wait_among_signals);
    const char *said = capture_end();
    if (result != 0 || strstr(said, "nothing is left") != NULL)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

/* ---- a child of fork() ---------------------------------------------------------------------- */

static int wait_for(async_event *event)
{
    return async_event_wait(event);
}
async_fn(wait_for, async_event *);

/* In the child the event is gone when this has returned. */
static int fork_beside_a_waiter(void)
{
    struct {
        async_event event;
        char room[2048]; /* the event is in a part of the stack that the end of the task leaves */
    } own = {.room = {1}};
    async_task *waiter = async_create_task(wait_for, &own.event);
    ASYNC_TRY(async_sleep(0));
    pid_t child = fork_here();
    if (child == 0) { /* a long turn, which debug mode would report */
        nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
        return own.room[0] + 6;
    }
    CHECK_EQ(async_loop_set_slow_callback_duration(async_get_loop(), 1000), 0);
    CHECK_EQ(end_of(child), 7);
    async_event_set(&own.event);
    return async_await(waiter);
}

TEST_EACH_BACKEND(debug_mode_checks_nothing_of_the_parent_in_a_child)
{
    skip_where_the_forking_task_is_not_watched();
    async_run_options options = *test_options();
    options.debug = true;
    capture_begin();
    int result = async_run_with(&options, call, fork_beside_a_waiter);
    if (is_child())
        _exit(result);
    const char *said = capture_end();
    if (result != 0 || strstr(said, "gone") != NULL || strstr(said, "held the loop") != NULL)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

static int catch_highest_signal(void)
{
    async_signals *signals;
    const int number = SIGRTMAX;
    ASYNC_TRY(async_signals_new_n(&signals, &number, 1));
    async_signals_free(signals);
    return 0;
}
async_fn(catch_highest_signal);

static int run_debugged_child(void)
{
    async_run_options options = *test_options();
    options.debug = true;
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(&options, catch_highest_signal) == 0 ? 0 : 1);
    CHECK_EQ(end_of(child), 0);
    return catch_highest_signal();
}

TEST(debug_mode_leaves_its_signal_to_the_program_in_a_child_too)
{
    skip_where_threads_and_fork_do_not_mix();
    if (tools_under_valgrind())
        test_skip("valgrind uses the highest signal itself");
    async_run_options options = *test_options();
    options.debug = true;
    capture_begin();
    int result = async_run_with(&options, call, run_debugged_child);
    capture_end();
    CHECK_EQ(result, 0);
}
