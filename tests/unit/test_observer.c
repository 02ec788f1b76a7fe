/*
 * test_observer.c: the thread that observes loops begins with the first of them, also if several
 * threads run their first loops at once, and in a child of fork() anew.
 */
#include "run/capture.h"
#include "run/forks.h"
#include "run/runner.h"
#include "sched/loop.h"
#include "sys/clock.h"
#include "sys/peek.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { THREADS = 2, MOST_SECONDS = 60 };

/* A loop is reported again after four times as long: at most five reports are written a minute. */
static const double LIMIT = 0.2;

static pthread_barrier_t all_are_there;
static atomic_bool is_over;

static int hold(void)
{
    while (!atomic_load(&is_over))
        asyncp_sys_sleep(1000000);
    return 0;
}
async_fn(hold);

static void *hold_observed(void *unused)
{
    pthread_barrier_wait(&all_are_there);
    CHECK_EQ(async_run_with(&(async_run_options){.watchdog = LIMIT}, hold), 0);
    return unused;
}

static void start_threads(pthread_t threads[], int count)
{
    CHECK_EQ(pthread_barrier_init(&all_are_there, NULL, (unsigned)count), 0);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, hold_observed, NULL), 0);
}

static void join_threads(pthread_t threads[], int count)
{
    atomic_store(&is_over, true);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static bool was_reported(int loop)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "has held loop %d for", loop);
    return strstr(capture_look(), wanted) != NULL;
}

/* Whether they come in time, from loop `first` on. */
static bool reports_come(int first, int count)
{
    int reported = 0;
    for (int i = 0; i < MOST_SECONDS * 100 && reported < count; i++) {
        reported += was_reported(first + reported);
        asyncp_sys_sleep(10000000);
    }
    return reported == count;
}

/* A loop could only be lost by a race; ThreadSanitizer sees it each time. */
TEST(observer_observes_all_loops_of_threads_that_begin_at_once)
{
    pthread_t threads[THREADS];
    capture_begin();
    start_threads(threads, THREADS);
    bool come = reports_come(1, THREADS);
    join_threads(threads, THREADS);
    (void)capture_end();
    CHECK(come);
}

/* The thread of the parent's loop is not there. */
static int observe_in_child(void)
{
    pthread_t thread;
    capture_begin();
    start_threads(&thread, 1);
    bool come = reports_come(2, 1);
    join_threads(&thread, 1);
    return come ? 0 : 1;
}

TEST(observer_begins_anew_in_a_child_of_fork)
{
    pthread_t thread;
    skip_where_threads_and_fork_do_not_mix();
    capture_begin();
    start_threads(&thread, 1);
    CHECK(reports_come(1, 1));
    pid_t child = fork_here();
    if (child == 0)
        _exit(observe_in_child());
    int status = end_of(child);
    join_threads(&thread, 1);
    (void)capture_end();
    CHECK_EQ(status, 0);
}

static int do_nothing(void)
{
    return 0;
}
async_fn(do_nothing);

static void *observe_often(void *unused)
{
    enum { TIMES = 50 };
    for (int i = 0; i < TIMES; i++)
        CHECK_EQ(async_run_with(&(async_run_options){.watchdog = LIMIT}, do_nothing), 0);
    return unused;
}

/* The end of the last loop ends the thread while the next one begins it. */
TEST(observer_may_begin_on_one_thread_while_it_ends_on_another)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, observe_often, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* ---- what the kernel does not tell ---------------------------------------------------------- */

/* It computes, and no file can be opened. */
static int hold_without_descriptors(void)
{
    struct rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int64_t end_ns = asyncp_sys_clock_now() + (int64_t)MOST_SECONDS * NS_PER_SECOND;
         asyncp_sys_clock_now() < end_ns && strstr(capture_look(), "\nasyncio:   ") == NULL;)
        continue;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    return 0;
}
async_fn(hold_without_descriptors);

/* Without that call the observer reads through a pipe, which needs descriptors. */
static bool can_peek(void)
{
    int there = 1, here = 0;
    return asyncp_sys_peek(asyncp_sys_process_id(), &(struct iovec){&here, sizeof here},
                           &(struct iovec){&there, sizeof there}, 1) == sizeof here;
}

TEST(observer_does_not_guess_what_the_kernel_does_not_tell)
{
    if (!can_peek())
        test_skip("process_vm_readv(2) is not available");
    capture_begin();
    int result = async_run_with(&(async_run_options){.watchdog = LIMIT}, hold_without_descriptors);
    const char *said = capture_end();
    CHECK_EQ(result, 0);
    CHECK(strstr(said, "has held loop 1 for") != NULL);
    CHECK(strstr(said, "whether it computes or is blocked is not known") != NULL);
}

/* ---- reports of the library ----------------------------------------------------------------- */

/* As on a busy machine. */
static void report_slowly(struct async_loop *loop, enum deadlock_kind kind)
{
    (void)loop;
    (void)kind;
    asyncp_sys_sleep((int64_t)(3 * LIMIT * NS_PER_SECOND));
}

static int wait_for_ever(void)
{
    static struct loop_hooks hooks;
    async_event never = {0};
    hooks = *asyncp_current->hooks;
    hooks.report_deadlock = report_slowly;
    asyncp_current->hooks = &hooks;
    return async_event_wait(&never);
}
async_fn(wait_for_ever);

TEST(observer_does_not_report_a_loop_that_writes_a_report)
{
    capture_begin();
    int result = async_run_with(&(async_run_options){.watchdog = LIMIT}, wait_for_ever);
    const char *said = capture_end();
    CHECK_EQ(result, -EDEADLK);
    CHECK_STR(said, "");
}
