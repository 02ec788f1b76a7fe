/*
 * test_process_storm.c: many processes, ended in every way at random, beside a thread that takes
 * the status of any child, or with SIGCHLD ignored, or where the kernel gives no more processes or
 * descriptors. None is left, no descriptor stays open, and every status is right.
 *
 * PROCESS_STORM in the environment is the number of processes; make stress sets it.
 */
#include "proc/reaper.h"
#include "proc/shell.h"
#include "sys/tools.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_COUNT = 60, AT_ONCE = 20, BIG_STORM = 2000, MANY_AT_ONCE = 500 };

static uint64_t drawn = 1;

static unsigned draw(unsigned limit)
{
    drawn ^= drawn << 13;
    drawn ^= drawn >> 7;
    drawn ^= drawn << 17;
    return (unsigned)(drawn % limit);
}

static int storm_size(void)
{
    const char *given = getenv("PROCESS_STORM");
    return given != NULL ? atoi(given) : DEFAULT_COUNT;
}

/* The kernel before Linux 6.15 does not keep the status that another waiter takes. */
static bool may_be_lost;

static void check_status(int status, int expected)
{
    bool is_cancelled = async_task_cancelling(async_current_task()) > 0;
    if ((may_be_lost && status == -ECHILD) || (is_cancelled && status == -ECANCELED))
        return;
    CHECK_EQ(status, expected);
}

static int started, refused; /* processes; the kernel had no more of them */

static int start(async_process **process, const async_process_options *options, int code)
{
    char command[40];
    snprintf(command, sizeof command, code < 0 ? "exec sleep 1000" : "exit %d", code);
    int result = async_create_subprocess_shell(process, options, command);
    started += result == 0;
    refused += result == -EAGAIN;
    return result;
}

/* A process that ends by itself. */
static int let_end(void)
{
    async_auto_wait_process *process = NULL;
    int code = (int)draw(256);
    ASYNC_TRY(start(&process, NULL, code));
    if (draw(2) == 0) {
        async_process_detach(process);
        process = NULL;
        return 0;
    }
    int status = async_process_wait(process);
    check_status(status, code << 8);
    return 0;
}

/* A process that would run on. */
static int make_end(void)
{
    const async_process_options options = {.out = draw(2) == 0 ? ASYNC_PIPE : ASYNC_DEVNULL,
                                           .own_group = draw(2) == 0};
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(start(&process, &options, -1));
    switch (draw(4)) {
    case 0:
        async_ignore(async_process_kill(process));
        check_status(async_process_wait(process), SIGKILL);
        break;
    case 1:
        check_status(async_process_stop(process, 60), SIGTERM);
        break;
    case 2:
        check_status(async_timeout(0, async_process_communicate(process, NULL, 0, NULL)),
                     -ETIMEDOUT);
        break;
    }
    return 0; /* freed while it runs, or after its end */
}

static int one_of_the_storm(void)
{
    int result = draw(2) == 0 ? let_end() : make_end();
    return result == -EAGAIN || result == -EMFILE ? 0 : result;
}
async_fn(one_of_the_storm);

static int cancelled_start(void)
{
    async_task *task = async_create_task(one_of_the_storm);
    for (unsigned i = draw(8); i > 0; i--)
        ASYNC_TRY(async_sleep(0));
    async_task_cancel(task);
    int result = async_await(task);
    return result == -ECANCELED ? 0 : result;
}
async_fn(cancelled_start);

static int storm(void)
{
    const size_t at_once = storm_size() >= BIG_STORM ? MANY_AT_ONCE : AT_ONCE;
    ASYNC_TASK_GROUP_WITH(tasks, .limit = at_once, .discard = true);
    for (int i = storm_size(); i > 0; i--)
        if (draw(3) == 0)
            async_group_create_task(&tasks, cancelled_start);
        else
            async_group_create_task(&tasks, one_of_the_storm);
    return async_group_wait(&tasks);
}
async_fn(storm);

/* No child is left, not even a zombie. Processes that were detached may need a moment. */
static void check_no_child(void)
{
    enum { TRIES = 2000 };
    for (int i = 0; i < TRIES; i++) {
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) {
            asyncp_reap_orphans(); /* as the next start would */
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    test_fail(__FILE__, __LINE__, "a child is left");
}

TEST_EACH_BACKEND(process_storm_leaves_nothing)
{
    CHECK_EQ(async_run_with(test_options(), storm), 0);
    check_no_child();
}

static _Atomic bool is_over;

static void *take_statuses(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over))
        if (waitpid(-1, NULL, WNOHANG) <= 0)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    return NULL;
}

TEST_EACH_BACKEND(process_storm_beside_another_waiter_gives_the_right_statuses)
{
    pthread_t thread;
    if (test_is_emulated())
        test_skip("qemu has no CLONE_PIDFD: the other waiter may come before pidfd_open");
    may_be_lost = true;
    CHECK_EQ(pthread_create(&thread, NULL, take_statuses, NULL), 0);
    CHECK_EQ(async_run_with(test_options(), storm), 0);
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    check_no_child();
}

TEST_EACH_BACKEND(process_storm_with_sigchld_ignored_gives_the_right_statuses)
{
    if (test_is_emulated())
        test_skip("qemu opens no pidfd with the process, which may be gone before it is opened");
    may_be_lost = true;
    signal(SIGCHLD, SIG_IGN);
    CHECK_EQ(async_run_with(test_options(), storm), 0);
    check_no_child();
}

TEST_EACH_BACKEND(process_storm_where_descriptors_are_short_leaves_nothing)
{
    enum { FEW_DESCRIPTORS = 40 };
    if (tools_under_valgrind())
        test_skip("valgrind has descriptors of its own above the limit");
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){FEW_DESCRIPTORS, FEW_DESCRIPTORS}), 0);
    CHECK_EQ(async_run_with(test_options(), storm), 0);
    check_no_child();
}

/* Of this process; a sanitizer may have one. */
static rlim_t count_threads(void)
{
    DIR *threads = opendir("/proc/self/task");
    CHECK(threads != NULL);
    rlim_t count = 0;
    for (const struct dirent *entry; (entry = readdir(threads)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(threads);
    return count;
}

TEST_EACH_BACKEND(process_storm_where_processes_are_short_leaves_nothing)
{
    enum { STARTER = 1, FEW_PROGRAMS = 2 };
    struct rlimit limit;
    if (test_is_emulated())
        test_skip("qemu has more threads, and ends if it cannot have them");
    /* the limit counts the processes of a user, and root has none */
    if (!become_user(2000000000u + (uid_t)getpid()))
        test_skip("only root can become a user without processes");
    CHECK_EQ(getrlimit(RLIMIT_NPROC, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = count_threads() + STARTER + FEW_PROGRAMS;
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
    CHECK_EQ(async_run_with(test_options(), storm), 0);
    check_no_child();
    CHECK(refused > 0);
    /* before Linux 5.12 the threads of io_uring count, too */
    CHECK(started > 0 || strcmp(test_backend(), "uring") == 0);
    limit.rlim_cur = before;
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
}
