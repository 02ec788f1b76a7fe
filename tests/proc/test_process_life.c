/*
 * test_process_life.c: what becomes of a process when its handle, its loop, its parent, or the
 * memory is gone.
 */
#include "proc/reaper.h"
#include "run/forks.h"
#include "run/runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool exists(pid_t pid)
{
    return kill(pid, 0) == 0;
}

/* A process that was killed may need a moment to end. */
static void wait_until_gone(pid_t pid)
{
    enum { TRIES = 1000 };
    for (int i = 0; i < TRIES && exists(pid); i++) {
        asyncp_reap_orphans(); /* as the next start would */
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    CHECK(!exists(pid));
}

/* ---- the loop ------------------------------------------------------------------------------- */

static pid_t started;

static int start_and_leave(const async_process_options *options)
{
    async_process *process;
    ASYNC_TRY(async_create_subprocess_exec(&process, options, "sleep", "1000"));
    started = async_process_pid(process);
    return 0; /* the handle is not freed */
}
async_fn(start_and_leave, const async_process_options *);

TEST_EACH_BACKEND(process_that_was_not_freed_ends_with_its_loop)
{
    CHECK_EQ(async_run_with(test_options(), start_and_leave, NULL), 0);
    CHECK(!exists(started));
}

TEST_EACH_BACKEND(process_that_outlives_its_loop_is_reaped_later)
{
    const async_process_options options = {.outlives = true};
    CHECK_EQ(async_run_with(test_options(), start_and_leave, &options), 0);
    CHECK(exists(started));
    kill(started, SIGKILL);
    wait_until_gone(started);
}

static int start_and_detach(void)
{
    async_process *process;
    ASYNC_TRY(async_create_subprocess_exec(&process, NULL, "sleep", "1000"));
    started = async_process_pid(process);
    async_process_detach(process);
    return 0;
}
async_fn(start_and_detach);

TEST_EACH_BACKEND(process_that_is_detached_runs_on_after_the_loop)
{
    CHECK_EQ(async_run_with(test_options(), start_and_detach), 0);
    CHECK(exists(started));
    kill(started, SIGKILL);
    wait_until_gone(started);
}

/* ---- the parent ----------------------------------------------------------------------------- */

static int start_in_child(int report)
{
    const async_process_options options = {.ends_with_us = true};
    async_process *process;
    ASYNC_TRY(async_create_subprocess_exec(&process, &options, "sleep", "1000"));
    pid_t pid = async_process_pid(process);
    CHECK_EQ(write(report, &pid, sizeof pid), (ssize_t)sizeof pid);
    return async_sleep(ASYNC_FOREVER);
}
async_fn(start_in_child, int);

TEST(process_that_ends_with_us_does_so_also_when_we_are_killed)
{
    int ends[2];
    pid_t pid;
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork_here();
    if (child == 0) {
        async_ignore(async_run(start_in_child, ends[1]));
        _exit(1);
    }
    close(ends[1]);
    CHECK_EQ(read(ends[0], &pid, sizeof pid), (ssize_t)sizeof pid);
    kill(child, SIGKILL);
    CHECK_EQ(end_of(child), BY_SIGNAL + SIGKILL);
    for (int i = 0; i < 1000 && exists(pid); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    CHECK(!exists(pid));
    close(ends[0]);
}

/* ---- fork() --------------------------------------------------------------------------------- */

static int fork_beside_a_process(void)
{
    async_process *process;
    ASYNC_TRY(async_create_subprocess_exec(&process, NULL, "sleep", "1000"));
    pid_t child = fork_here();
    async_process_free_wait(process); /* in the child, only the memory */
    if (child == 0)
        _exit(0);
    CHECK_EQ(end_of(child), 0);
    return 0;
}
async_fn(fork_beside_a_process);

static int fork_and_look(void)
{
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(async_create_subprocess_exec(&process, NULL, "sleep", "1000"));
    pid_t child = fork_here();
    if (child == 0) {
        async_process_free_wait(process);
        _exit(0);
    }
    CHECK_EQ(end_of(child), 0);
    CHECK_EQ(async_process_returncode(process), -EINPROGRESS);
    return 0;
}
async_fn(fork_and_look);

TEST_EACH_BACKEND(process_belongs_to_the_parent_after_fork)
{
    CHECK_EQ(async_run_with(test_options(), fork_beside_a_process), 0);
    CHECK_EQ(async_run_with(test_options(), fork_and_look), 0);
}

static int run_true(void)
{
    return async_run_process(NULL, NULL, "true");
}
async_fn(run_true);

TEST_EACH_BACKEND(process_can_be_started_in_a_child_of_fork)
{
    skip_where_threads_and_fork_do_not_mix();
    CHECK_EQ(async_run_with(test_options(), run_true), 0);
    pid_t child = fork_here();
    if (child == 0)
        _exit(async_run_with(test_options(), run_true) == 0 ? 0 : 1);
    CHECK_EQ(end_of(child), 0);
}

/* ---- memory --------------------------------------------------------------------------------- */

LOOP_TEST(process_that_cannot_be_started_for_want_of_memory_leaves_nothing)
{
    const async_process_options options = {.in = ASYNC_PIPE, .out = ASYNC_PIPE, .err = ASYNC_PIPE};
    async_process *process;
    int result = -ENOMEM;
    for (long allowed = 0; result == -ENOMEM; allowed++) {
        CHECK(allowed < 100);
        test_allow_allocations(allowed);
        result = async_create_subprocess_exec(&process, &options, "true");
        test_allow_allocations(-1);
        CHECK(result == 0 || process == NULL);
    }
    CHECK_EQ(result, 0);
    async_process_free_wait(process);
    return 0;
}

/* ---- misuse --------------------------------------------------------------------------------- */

TEST(process_that_was_not_freed_is_told_in_debug_mode)
{
    async_run_options options = *test_options();
    char said[400] = "";
    int saved = dup(2), ends[2];
    options.debug = true;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(dup2(ends[1], 2), 2);
    int result = async_run_with(&options, start_and_leave, NULL);
    CHECK_EQ(dup2(saved, 2), 2);
    CHECK_EQ(result, 0);
    close(ends[1]);
    CHECK(read(ends[0], said, sizeof said - 1) > 0);
    CHECK(strstr(said, "was not freed before its loop") != NULL);
    close(saved);
    close(ends[0]);
}
