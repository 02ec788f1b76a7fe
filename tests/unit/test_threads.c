/*
 * test_threads.c: threads of the program are told from those that the library has started. A wrong
 * answer would report a deadlock in a program in which another thread is about to wake the loop.
 */
#include "run/forks.h"
#include "run/runner.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdatomic.h>

enum { MOST_STARTS = 5000, MOST_QUESTIONS = 100000 };

static atomic_bool is_over;
static atomic_int starts;

static void *end_at_once(void *unused)
{
    return unused;
}

static void *start_and_join(void *unused)
{
    while (!atomic_load(&is_over)) {
        pthread_t thread;
        CHECK_EQ(asyncp_sys_thread_start(&thread, end_at_once, NULL), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        atomic_fetch_add(&starts, 1);
    }
    return unused;
}

/*
 * The program's thread starts the library's. If these are counted too early or too long, the
 * program's thread is taken for one of them.
 */
TEST(threads_of_the_program_are_foreign_while_those_of_the_library_begin_and_end)
{
    pthread_t thread;
    int missed = 0;
    CHECK_EQ(pthread_create(&thread, NULL, start_and_join, NULL), 0);
    for (int i = 0; i < MOST_QUESTIONS && atomic_load(&starts) < MOST_STARTS; i++)
        missed += !asyncp_sys_has_foreign_threads();
    atomic_store(&is_over, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(missed, 0);
}

static void *wait_until_over(void *unused)
{
    while (!atomic_load(&is_over))
        asyncp_sys_yield();
    return unused;
}

/* Of the kernel: the entry of a thread that was joined may be there for a moment. */
static bool gets_alone(void)
{
    bool is_alone = false;
    for (int i = 0; i < 1000 && !is_alone; i++) {
        asyncp_sys_yield();
        is_alone = !asyncp_sys_has_foreign_threads();
    }
    return is_alone;
}

static void skip_with_a_thread_of_a_sanitizer(void)
{
    if (asyncp_sys_has_foreign_threads())
        test_skip("a thread of a sanitizer, or of an emulator, is in the process");
}

static void start_one(pthread_t *thread)
{
    CHECK_EQ(asyncp_sys_thread_start(thread, wait_until_over, NULL), 0);
}

TEST(threads_of_the_library_are_not_foreign)
{
    pthread_t threads[2];
    skip_with_a_thread_of_a_sanitizer();
    for (int i = 0; i < 2; i++)
        start_one(&threads[i]);
    CHECK(!asyncp_sys_has_foreign_threads());
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK(gets_alone());
}

/* 1: the thread was taken for one of the library. */
static int look_in_child(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, wait_until_over, NULL), 0);
    const bool is_foreign = asyncp_sys_has_foreign_threads();
    atomic_store(&is_over, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return is_foreign ? 0 : 1;
}

TEST(threads_of_a_parent_are_not_counted_in_a_child_of_fork)
{
    pthread_t thread;
    skip_where_threads_and_fork_do_not_mix();
    start_one(&thread);
    pid_t child = fork_here();
    if (child == 0)
        _exit(look_in_child());
    const int status = end_of(child);
    atomic_store(&is_over, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(status, 0);
}
