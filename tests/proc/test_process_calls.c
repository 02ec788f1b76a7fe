/*
 * test_process_calls.c: calls on processes for which CPython has no test: outputs, pidfds, argument
 * arrays, handles that are freed or detached.
 */
#include "run/faults.h"
#include "shell.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

LOOP_TEST(output_that_is_freed_is_empty)
{
    async_output output = {0};
    async_output_free(NULL);
    async_output_free(&output);
    CHECK_EQ(async_run_process(NULL, &output, "echo", "text"), 0);
    CHECK_EQ(output.out_size, 5);
    async_output_free(&output);
    CHECK(output.out == NULL && output.out_size == 0);
    async_output_free(&output);
    return 0;
}

LOOP_TEST(communicate_without_a_place_for_the_output_drops_it)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "echo out; echo error >&2; exit 4");
    CHECK_EQ(WEXITSTATUS(async_process_communicate(process, NULL, 0, NULL)), 4);
    return 0;
}

LOOP_TEST(communicate_that_is_called_once_more_gives_an_empty_output)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "echo out");
    async_auto_output first = {0}, second = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, &first), 0);
    CHECK_STR(first.out, "out\n");
    CHECK_EQ(async_process_communicate(process, NULL, 0, &second), 0);
    CHECK_STR(second.out, "");
    return 0;
}

LOOP_TEST(process_arguments_may_be_an_array)
{
    char *const argv[] = {"sh", "-c", "test \"$0$1\" = ab", "a", "b", NULL};
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_execv(&process, NULL, argv), 0);
    CHECK_EQ(async_process_wait(process), 0);
    return async_run_processv(NULL, NULL, argv);
}

LOOP_TEST(process_pidfd_is_readable_when_it_has_ended)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "read line");
    struct pollfd end = {.fd = async_process_fd(process), .events = POLLIN};
    CHECK(async_process_pid(process) > 1);
    CHECK_EQ(poll(&end, 1, 0), 0);
    async_stream_close(async_process_stdin(process));
    CHECK(async_process_wait(process) > 0);
    CHECK_EQ(poll(&end, 1, 0), 1);
    return 0;
}

/* Lets the loop remove the process from the kernel's table. */
static void await_reaped(pid_t pid)
{
    while (kill(pid, 0) == 0)
        CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(errno, ESRCH);
}

/* ---- handles -------------------------------------------------------------------------------- */

LOOP_TEST(process_that_is_null_is_freed_and_detached_without_effect)
{
    async_process_free_wait(NULL);
    async_process_detach(NULL);
    return 0;
}

static int status_of(async_process *process)
{
    return async_process_wait(process);
}
async_fn(status_of, async_process *);

LOOP_TEST(process_that_is_freed_gives_its_status_to_waiting_tasks)
{
    async_process *process = start_shell(NULL, "exec sleep 1000");
    async_task *task = async_create_task(status_of, process);
    CHECK_EQ(async_sleep(0), 0);
    async_process_free_wait(process);
    CHECK_EQ(WTERMSIG(async_await(task)), SIGTERM);
    return 0;
}

REAL_LOOP_TEST(process_that_is_detached_cancels_waiting_tasks)
{
    async_process *process = start_shell(&all_pipes, "read line");
    pid_t pid = async_process_pid(process);
    async_task *task = async_create_task(status_of, process);
    CHECK_EQ(async_sleep(0), 0);
    async_process_detach(process); /* which closes its input, so it ends */
    CHECK_EQ(async_await(task), -ECANCELED);
    await_reaped(pid);
    return 0;
}

REAL_LOOP_TEST(process_that_outlives_its_handle_runs_on)
{
    int ends[2];
    char byte = 0;
    CHECK_EQ(pipe(ends), 0);
    const async_process_options options = {.in = ASYNC_DEVNULL, .out = ends[1], .outlives = true};
    async_process *process = start_shell(&options, "sleep 0.02; echo");
    pid_t pid = async_process_pid(process);
    close(ends[1]);
    async_process_free_wait(process);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(byte, '\n');
    close(ends[0]);
    await_reaped(pid);
    return 0;
}

LOOP_TEST(process_is_stopped_also_by_a_cancelled_task)
{
    async_auto_wait_process *process = start_shell(NULL, "exec sleep 1000");
    async_task_cancel(async_current_task());
    CHECK_EQ(WTERMSIG(async_process_stop(process, 60)), SIGTERM);
    async_task_uncancel(async_current_task());
    return 0;
}

LOOP_TEST(process_is_not_ended_by_a_child_of_fork_that_frees_it)
{
    async_auto_wait_process *process = start_shell(NULL, "exec sleep 1000");
    pid_t child = fork();
    if (child == 0) {
        async_process_free_wait(process);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(async_process_returncode(process), -EINPROGRESS);
    return 0;
}

static int start_and_leave(void)
{
    async_process *process;
    return async_create_subprocess_exec(&process, NULL, "sleep", "1000");
}
async_fn(start_and_leave);

TEST_EACH_BACKEND(process_that_was_not_freed_is_ended_with_its_loop)
{
    CHECK_EQ(async_run_with(test_options(), start_and_leave), 0);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

/* ---- options that Popen does not have -------------------------------------------------------- */

static int start_and_die(const async_process_options *options)
{
    async_process *process;
    ASYNC_TRY(async_create_subprocess_exec(&process, options, "sleep", "1000"));
    raise(SIGKILL);
    return 0;
}
async_fn(start_and_die, const async_process_options *);

TEST_EACH_BACKEND(process_that_ends_with_us_ends_however_we_end)
{
    int ends[2], status;
    char byte;
    CHECK_EQ(pipe(ends), 0);
    const async_process_options options = {.out = ends[1], .ends_with_us = true};
    pid_t child = fork();
    if (child == 0)
        _exit(async_run_with(test_options(), start_and_die, &options) != 0);
    close(ends[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WTERMSIG(status), SIGKILL);
    CHECK_EQ(read(ends[0], &byte, 1), 0); /* no process has the other end */
    close(ends[0]);
}

LOOP_TEST(process_may_have_a_terminal)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        test_skip("there are no pseudo-terminals here");
    CHECK_EQ(grantpt(terminal), 0);
    CHECK_EQ(unlockpt(terminal), 0);
    int fd = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(fd >= 0);
    async_process_options options = {.in = fd, .out = ASYNC_PIPE, .own_session = true};
    static const char command[] = "{ : </dev/tty; } 2>/dev/null && test -t 0 && echo ours";
    for (int i = 0; i < 2; i++) {
        options.terminal = i > 0;
        async_auto_wait_process *process = start_shell(&options, command);
        async_auto_output output = {0};
        int status = async_process_communicate(process, NULL, 0, &output);
        CHECK_EQ(status == 0, options.terminal);
        CHECK_STR(output.out, options.terminal ? "ours\n" : "");
    }
    close(fd);
    close(terminal);
    return 0;
}

LOOP_TEST(process_terminal_must_be_one)
{
    async_process *process;
    const async_process_options options = {
        .in = ASYNC_DEVNULL, .own_session = true, .terminal = true};
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "true"), -ENOTTY);
    CHECK_STR(async_strerror(-ENOTTY), "-ENOTTY: run true: set the controlling terminal: "
                                       "Inappropriate ioctl for device");
    return 0;
}

/* SIGKILL reaches a member of the group that ignores SIGTERM and has outlived its leader. */
LOOP_TEST(process_group_is_killed_also_when_its_leader_has_ended)
{
    const async_process_options options = {.out = ASYNC_PIPE, .own_group = true};
    async_auto_wait_process *process = start_shell(
        &options, "(trap '' TERM; echo; while :; do sleep 0.01; done) & read line </dev/null");
    async_stream *out = async_process_stdout(process);
    char byte;
    CHECK_EQ(async_stream_read(out, &byte, 1), 1);
    int status = async_process_wait(process);
    CHECK(WIFEXITED(status));
    CHECK_EQ(async_process_stop(process, 60), status);
    CHECK_EQ(async_stream_read(out, &byte, 1), 0);
    return 0;
}

LOOP_TEST(process_is_null_after_any_error)
{
    static char *const nothing[] = {NULL};
    async_process *const garbage = (async_process *)(void *)&nothing;
    async_process *process = garbage;
    const async_process_options wrong = {.grace = -1};
    CHECK_EQ(async_create_subprocess_exec(&process, &wrong, "true"), -EINVAL);
    CHECK(process == NULL);
    process = garbage;
    CHECK_EQ(async_create_subprocess_execv(&process, NULL, nothing), -EINVAL);
    CHECK(process == NULL);
    process = garbage;
    CHECK_EQ(async_create_subprocess_shell(&process, NULL, NULL), -EINVAL);
    CHECK(process == NULL);
    return 0;
}

static int start_with_unknown_fields(void)
{
    const async_process_options options = {.asyncp_reserved = {1}};
    return async_run_process(&options, NULL, "true");
}
async_fn(start_with_unknown_fields);

DEATH_TEST(options_of_a_process_with_unknown_fields,
           "async_create_subprocess_exec: the options have fields that this library does not know")
{
    async_ignore(async_run(start_with_unknown_fields));
}

static int status_of_communicate(async_process *process)
{
    return async_process_communicate(process, NULL, 0, NULL);
}
async_fn(status_of_communicate, async_process *);

LOOP_TEST(communicate_by_two_tasks_at_once_is_refused)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "exec sleep 1000");
    async_task *first = async_create_task(status_of_communicate, process);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_timeout(1, async_process_communicate(process, NULL, 0, NULL)), -EBUSY);
    CHECK_EQ(async_process_kill(process), 0);
    CHECK_EQ(async_await(first), SIGKILL);
    return 0;
}

/* Another waiter has taken the status, on a kernel that does not keep it. */
static void check_output_of_unknown_status(double seconds)
{
    static struct fault_record record;
    const async_process_options options = {.out = ASYNC_PIPE, .linger = seconds};
    if (!ASYNC_CHECKS)
        test_skip("a build without checks lets no call fail");
    async_auto_wait_process *process = start_shell(&options, "sleep 0.02; echo text");
    async_auto_output output = {0};
    faults_begin(
        &(struct fault){.site = SITE_WAIT_PROCESS, .result = -ECHILD, .first = 1, .last = LONG_MAX},
        &record);
    int status = async_process_communicate(process, NULL, 0, &output);
    faults_end();
    CHECK_EQ(waitpid(async_process_pid(process), NULL, 0), async_process_pid(process));
    CHECK_EQ(status, -ECHILD);
    CHECK_STR(output.out, "text\n");
}

LOOP_TEST(communicate_gives_the_output_also_if_the_status_is_not_known)
{
    check_output_of_unknown_status(0);
    return 0;
}

LOOP_TEST(communicate_that_lingers_gives_the_output_also_if_the_status_is_not_known)
{
    check_output_of_unknown_status(10);
    return 0;
}
