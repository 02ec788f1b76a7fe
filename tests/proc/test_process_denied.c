/*
 * test_process_denied.c: system calls that a seccomp filter denies, as containers do. Programs run
 * without clone3, pidfd_open, close_range, pidfd_send_signal and io_uring.
 */
#include "run/deny.h"
#include "run/forks.h"
#include "run/runner.h"
#include "sys/number.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static int start_and_stop(void)
{
    async_auto_output output = {0};
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(async_run_process(NULL, &output, "sh", "-c", "ls /proc/self/fd | wc -l"));
    CHECK(atoi(output.out) <= 5); /* 0, 1, 2, and what ls opens */
    CHECK_EQ(async_run_process(NULL, NULL, "/no/such/program"), -ENOENT);
    const async_process_options options = {.own_group = true};
    ASYNC_TRY(async_create_subprocess_exec(&process, &options, "sleep", "1000"));
    CHECK_EQ(async_process_send_signal(process, 0), 0);
    CHECK_EQ(async_process_stop(process, 60), SIGTERM);
    return 0;
}
async_fn(start_and_stop);

static void check_with_error(long call, int error)
{
    skip_where_threads_and_fork_do_not_mix();
    pid_t child = fork_here();
    if (child == 0) {
        deny_call(call, error);
        _exit(async_run_with(test_options(), start_and_stop) == 0 ? 0 : 1);
    }
    CHECK_EQ(end_of(child), 0);
}

static void check_without(long call)
{
    check_with_error(call, EPERM);
    check_with_error(call, ENOSYS);
    check_with_error(call, EACCES);
}

#ifdef SYS_clone3
TEST_EACH_BACKEND(denied_clone3_is_not_needed_for_processes)
{
    check_with_error(SYS_clone3, ENOSYS); /* with another error glibc makes no threads */
}
#endif

TEST_EACH_BACKEND(denied_pidfd_open_is_not_needed_for_processes)
{
    check_without(CALL_PIDFD_OPEN);
}

TEST_EACH_BACKEND(denied_close_range_is_not_needed_for_processes)
{
    check_without(CALL_CLOSE_RANGE);
}

TEST_EACH_BACKEND(denied_pidfd_send_signal_is_not_needed_for_processes)
{
    check_without(CALL_PIDFD_SEND_SIGNAL);
}
