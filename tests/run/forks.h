/*
 * forks.h: for tests that fork: a child that cannot hang, how it ended, and which of the two this
 * is.
 */
#ifndef TEST_FORKS_H
#define TEST_FORKS_H

#include "sys/tools.h"
#include "run/runner.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BY_SIGNAL = 1000 };

/* The process that forked last, as parent and child know it. */
static pid_t forks_parent;

ASYNC_UNUSED static bool is_child(void)
{
    return forks_parent != 0 && getpid() != forks_parent;
}

/* fork(), in which nothing may go wrong. */
ASYNC_UNUSED static pid_t fork_here(void)
{
    forks_parent = getpid();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        alarm(10);
    return child;
}

/* Its exit status, or BY_SIGNAL + signal. */
ASYNC_UNUSED static int end_of(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* For a child that leaves its task: ThreadSanitizer does not see that task unlock and hand over. */
ASYNC_UNUSED static void skip_where_the_forking_task_is_not_watched(void)
{
    if (ASYNC_TSAN)
        test_skip(
            "ThreadSanitizer does not watch the task that has forked, and misses what it unlocks");
}

ASYNC_UNUSED static void skip_where_threads_and_fork_do_not_mix(void)
{
    if (ASYNC_TSAN)
        test_skip("ThreadSanitizer lets a process that forked with threads make no others");
    if (test_is_emulated())
        test_skip("qemu dies of a thread in the child of a process with threads");
}

#endif
