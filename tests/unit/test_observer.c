/*
 * test_observer.c: the thread that observes loops begins with the first of them, also if several
 * threads run their first loops at once, and in a child of fork() anew.
 */
#include "run/capture.h"
#include "run/forks.h"
#include "run/runner.h"
#include "sys/clock.h"
#include "sys/tools.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4 };

static pthread_barrier_t all_are_there;

/* Under valgrind a report takes most of a second. */
static int hold(void)
{
    asyncp_sys_sleep(tools_under_valgrind() ? INT64_C(5000000000) : 300000000);
    return 0;
}
async_fn(hold);

static int hold_observed(void)
{
    return async_run_with(&(async_run_options){.watchdog = 0.02}, hold);
}

static void *hold_on_a_thread(void *unused)
{
    pthread_barrier_wait(&all_are_there);
    CHECK_EQ(hold_observed(), 0);
    return unused;
}

TEST(observer_observes_all_loops_of_threads_that_begin_at_once)
{
    pthread_t threads[THREADS];
    char text[64];
    capture_begin();
    CHECK_EQ(pthread_barrier_init(&all_are_there, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, hold_on_a_thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    const char *said = capture_end();
    for (int i = 1; i <= THREADS; i++) {
        snprintf(text, sizeof text, "has held loop %d for", i);
        CHECK(strstr(said, text) != NULL);
    }
}

static int observe_in_child(void)
{
    capture_begin();
    int result = hold_observed();
    return result == 0 && strstr(capture_end(), "has held loop") != NULL ? 0 : 1;
}

TEST(observer_begins_anew_in_a_child_of_fork)
{
    pthread_t thread;
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(pthread_barrier_init(&all_are_there, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, hold_on_a_thread, NULL), 0);
    pthread_barrier_wait(&all_are_there);
    asyncp_sys_sleep(50000000);
    pid_t child = fork_here();
    if (child == 0)
        _exit(observe_in_child());
    CHECK_EQ(end_of(child), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}
