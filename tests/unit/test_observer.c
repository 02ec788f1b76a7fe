/*
 * test_observer.c: the thread that observes loops begins with the first of them, also if several
 * threads run their first loops at once, and in a child of fork() anew.
 */
#include "run/capture.h"
#include "run/forks.h"
#include "run/runner.h"
#include "sys/clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, MOST_SECONDS = 15 };

/* Also on a busy machine all loops are reported once before one is reported again. */
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

/* Whether it comes in time. */
static bool report_comes(int loop)
{
    for (int i = 0; i < MOST_SECONDS * 100 && !was_reported(loop); i++)
        asyncp_sys_sleep(10000000);
    return was_reported(loop);
}

TEST(observer_observes_all_loops_of_threads_that_begin_at_once)
{
    pthread_t threads[THREADS];
    int reported = 0;
    capture_begin();
    start_threads(threads, THREADS);
    for (int i = 1; i <= THREADS; i++)
        reported += report_comes(i);
    join_threads(threads, THREADS);
    (void)capture_end();
    CHECK_EQ(reported, THREADS);
}

/* The thread of the parent's loop is not there. */
static int observe_in_child(void)
{
    pthread_t thread;
    capture_begin();
    start_threads(&thread, 1);
    bool comes = report_comes(2);
    join_threads(&thread, 1);
    return comes ? 0 : 1;
}

TEST(observer_begins_anew_in_a_child_of_fork)
{
    pthread_t thread;
    skip_where_threads_and_fork_do_not_mix();
    capture_begin();
    start_threads(&thread, 1);
    CHECK(report_comes(1));
    pid_t child = fork_here();
    if (child == 0)
        _exit(observe_in_child());
    int status = end_of(child);
    join_threads(&thread, 1);
    (void)capture_end();
    CHECK_EQ(status, 0);
}
