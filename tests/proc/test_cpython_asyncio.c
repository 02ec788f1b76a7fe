/*
 * test_cpython_asyncio.c: rules that CPython's test_asyncio/test_subprocess.py keeps and that no
 * other test here does. cpython.md has the row of each of its tests.
 */
#include "shell.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* ---- pipes ---------------------------------------------------------------------------------- */

LOOP_TEST(process_pipes_are_streams_to_write_and_read)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "cat");
    async_stream *in = async_process_stdin(process), *out = async_process_stdout(process);
    char text[16] = "";
    CHECK_EQ(async_stream_write(in, "some data", 9), 0);
    CHECK_EQ(async_stream_drain(in), 0);
    async_stream_close(in);
    CHECK(async_process_stdin(process) == NULL);
    CHECK_EQ(async_stream_readexactly(out, text, 9), 9);
    CHECK_STR(text, "some data");
    CHECK_EQ(async_stream_read(out, text, 1), 0);
    CHECK(async_process_stderr(process) != NULL);
    CHECK_EQ(async_process_wait(process), 0);
    return 0;
}

LOOP_TEST(process_that_has_ended_reads_no_more)
{
    enum { MORE_THAN_A_PIPE = 1 << 20 };
    async_auto_wait_process *process = start_shell(&all_pipes, "exit 0");
    char *data = calloc(1, MORE_THAN_A_PIPE);
    CHECK_EQ(async_process_wait(process), 0);
    int result = async_stream_write(async_process_stdin(process), data, MORE_THAN_A_PIPE);
    if (result == 0)
        result = async_stream_drain(async_process_stdin(process));
    CHECK_EQ(result, -EPIPE);
    free(data);
    return 0;
}

LOOP_TEST(process_that_is_not_read_waits_at_its_pipe)
{
    enum { WRITTEN = 300000 };
    const async_process_options options = {.out = ASYNC_PIPE, .pipe_size = 4096};
    async_auto_wait_process *process = start_shell(&options, "head -c 300000 /dev/zero");
    char *text = NULL;
    CHECK_EQ(async_timeout(0.05, async_process_wait(process)), -ETIMEDOUT);
    CHECK_EQ(async_stream_read_all(async_process_stdout(process), &text, WRITTEN + 1), WRITTEN);
    CHECK_EQ(async_process_wait(process), 0);
    free(text);
    return 0;
}

LOOP_TEST(process_does_not_inherit_the_pipes_of_another_one)
{
    const async_process_options options = {
        .in = ASYNC_PIPE, .out = ASYNC_PIPE, .keep_all_fds = true};
    async_auto_wait_process *counts = start_shell(&options, "wc -c");
    async_auto_wait_process *runs_on = start_shell(&options, "cat");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(counts, "abc", 3, &output), 0);
    CHECK_EQ(atoi(output.out), 3);
    CHECK_EQ(async_process_returncode(runs_on), -EINPROGRESS);
    return 0;
}

LOOP_TEST(process_output_can_be_read_after_its_end)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "echo text");
    char line[16];
    CHECK_EQ(async_process_wait(process), 0);
    CHECK_EQ(async_stream_readline(async_process_stdout(process), line, sizeof line), 5);
    CHECK_STR(line, "text\n");
    return 0;
}

LOOP_TEST(process_may_open_its_standard_input_by_name)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "exec cat /dev/stdin");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, "abc", 3, &output), 0);
    CHECK_STR(output.out, "abc");
    return 0;
}

LOOP_TEST(process_standard_input_may_be_empty)
{
    async_auto_output of_devnull = {0}, of_pipe = {0}, of_empty = {0};
    const async_process_options options = {.in = ASYNC_DEVNULL, .out = ASYNC_PIPE};
    async_auto_wait_process *devnull = start_shell(&options, "wc -c");
    CHECK_EQ(async_process_communicate(devnull, NULL, 0, &of_devnull), 0);
    CHECK_EQ(atoi(of_devnull.out), 0);
    async_auto_wait_process *pipe = start_shell(&all_pipes, "wc -c");
    CHECK_EQ(async_process_communicate(pipe, NULL, 0, &of_pipe), 0);
    CHECK_EQ(atoi(of_pipe.out), 0);
    async_auto_wait_process *empty = start_shell(&all_pipes, "wc -c");
    CHECK_EQ(async_process_communicate(empty, "", 0, &of_empty), 0);
    CHECK_EQ(atoi(of_empty.out), 0);
    return 0;
}

LOOP_TEST(process_output_to_devnull_gives_no_text)
{
    async_auto_output no_out = {0}, no_err = {0};
    const async_process_options out = {.in = ASYNC_PIPE, .out = ASYNC_DEVNULL, .err = ASYNC_PIPE};
    const async_process_options err = {.in = ASYNC_PIPE, .out = ASYNC_PIPE, .err = ASYNC_DEVNULL};
    async_auto_wait_process *first = start_shell(&out, "cat; echo error >&2");
    CHECK_EQ(async_process_communicate(first, "abc", 3, &no_out), 0);
    CHECK(no_out.out == NULL);
    CHECK_STR(no_out.err, "error\n");
    async_auto_wait_process *second = start_shell(&err, "cat; echo error >&2");
    CHECK_EQ(async_process_communicate(second, "abc", 3, &no_err), 0);
    CHECK_STR(no_err.out, "abc");
    CHECK(no_err.err == NULL);
    return 0;
}

static int run_echo(int number)
{
    char text[16], expected[16];
    async_auto_output output = {0};
    snprintf(text, sizeof text, "foo%d", number);
    snprintf(expected, sizeof expected, "foo%d\n", number);
    ASYNC_TRY(async_run_process(NULL, &output, "echo", text));
    CHECK_STR(output.out, expected);
    return 0;
}
async_fn(run_echo, int);

LOOP_TEST(process_output_of_ten_at_once_is_not_mixed_up)
{
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < 10; i++)
        async_group_create_task(&group, run_echo, i);
    return async_group_wait(&group);
}

/* ---- signals -------------------------------------------------------------------------------- */

LOOP_TEST(process_ends_by_the_signal_that_it_was_sent)
{
    for (int i = 0; i < 3; i++) {
        async_auto_wait_process *process = NULL;
        CHECK_EQ(async_create_subprocess_exec(&process, NULL, "sleep", "1000"), 0);
        CHECK_EQ(i == 0   ? async_process_kill(process)
                 : i == 1 ? async_process_terminate(process)
                          : async_process_send_signal(process, SIGHUP),
                 0);
        int status = async_process_wait(process);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), i == 0 ? SIGKILL : i == 1 ? SIGTERM : SIGHUP);
    }
    return 0;
}

LOOP_TEST(process_handles_a_signal_that_it_expects)
{
    async_auto_wait_process *process = start_shell(
        &all_pipes, "trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done");
    char line[16];
    CHECK_EQ(async_stream_readline(async_process_stdout(process), line, sizeof line), 6);
    CHECK_EQ(async_process_send_signal(process, SIGUSR1), 0);
    CHECK_EQ(WEXITSTATUS(async_process_wait(process)), 9);
    return 0;
}

LOOP_TEST(process_wait_does_not_wait_for_a_pipe_that_another_process_holds)
{
    const async_process_options options = {.out = ASYNC_PIPE, .own_group = true};
    async_auto_wait_process *process = start_shell(&options, "sleep 1000 & echo; wait");
    char byte;
    CHECK_EQ(async_stream_read(async_process_stdout(process), &byte, 1), 1);
    CHECK_EQ(async_process_kill(process), 0); /* not its child, which has the pipe */
    CHECK_EQ(WTERMSIG(async_process_wait(process)), SIGKILL);
    return 0;
}

LOOP_TEST(process_signal_at_the_moment_of_its_end_does_not_spoil_the_status)
{
    for (int i = 0; i < 10; i++) {
        async_auto_wait_process *process = NULL;
        CHECK_EQ(async_create_subprocess_exec(&process, NULL, "true"), 0);
        int result = async_process_send_signal(process, SIGUSR1);
        CHECK(result == 0 || result == -ESRCH);
        int status = async_process_wait(process);
        CHECK(status == 0 || WTERMSIG(status) == SIGUSR1);
        CHECK_EQ(async_process_send_signal(process, SIGUSR1), -ESRCH);
    }
    return 0;
}

/* ---- starts --------------------------------------------------------------------------------- */

static int start_sleep(async_process **process)
{
    return async_create_subprocess_exec(process, NULL, "sleep", "1000");
}
async_fn(start_sleep, async_process **);

LOOP_TEST(process_start_that_is_cancelled_loses_no_process)
{
    for (int turns = 0; turns < 5; turns++) {
        async_auto_wait_process *process = NULL;
        async_task *task = async_create_task(start_sleep, &process);
        for (int i = 0; i < turns; i++)
            CHECK_EQ(async_sleep(0), 0);
        async_task_cancel(task);
        int result = async_await(task);
        CHECK(result == 0 || result == -ECANCELED);
        CHECK_EQ(result == 0, process != NULL);
    }
    return 0;
}

LOOP_TEST(process_start_of_a_cancelled_task_is_refused)
{
    async_process *process;
    async_task_cancel(async_current_task());
    CHECK_EQ(start_sleep(&process), -ECANCELED);
    CHECK(process == NULL);
    async_task_uncancel(async_current_task());
    return 0;
}

LOOP_TEST(process_that_cannot_start_leaves_no_pipe)
{
    async_process *process;
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(async_create_subprocess_exec(&process, &all_pipes, "/no/such/program"), -ENOENT);
        CHECK(process == NULL);
    }
    return 0;
}

/* ---- ends ----------------------------------------------------------------------------------- */

LOOP_TEST(process_that_has_ended_is_stopped_without_a_signal)
{
    async_auto_wait_process *process = start_shell(NULL, "exit 3");
    int status = async_process_wait(process);
    CHECK_EQ(WEXITSTATUS(status), 3);
    CHECK_EQ(async_process_stop(process, 60), status);
    CHECK_EQ(async_process_returncode(process), status);
    return 0;
}

LOOP_TEST(process_without_a_loop_iteration_since_its_end_gets_no_signal)
{
    async_auto_wait_process *process = start_shell(NULL, "exit 3");
    struct pollfd end = {.fd = async_process_fd(process), .events = POLLIN};
    CHECK_EQ(poll(&end, 1, -1), 1); /* it has ended, and the loop has not noticed */
    CHECK_EQ(async_process_terminate(process), -ESRCH);
    CHECK_EQ(WEXITSTATUS(async_process_wait(process)), 3);
    return 0;
}

LOOP_TEST(process_group_exists_until_its_leader_is_freed)
{
    const async_process_options options = {.own_group = true};
    async_auto_wait_process *process = start_shell(&options, "exit 3");
    CHECK_EQ(WEXITSTATUS(async_process_wait(process)), 3);
    CHECK_EQ(async_process_send_signal_group(process, SIGTERM), 0);
    return 0;
}
