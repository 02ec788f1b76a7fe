/*
 * test_communicate.c: input and output of processes at the same time, what a cancelled call leaves,
 * pipes held by other processes, and programs that are run to their end.
 */
#include "proc/shell.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

LOOP_TEST(communicate_gives_both_outputs_and_the_status)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "cat; echo error >&2; exit 3");
    async_auto_output output = {0};
    int status = async_process_communicate(process, "input", 5, &output);
    CHECK_EQ(WEXITSTATUS(status), 3);
    CHECK_STR(output.out, "input");
    CHECK_EQ(output.out_size, 5);
    CHECK_STR(output.err, "error\n");
    CHECK(!output.cut && !output.open);
    CHECK(async_process_stdin(process) == NULL && async_process_stdout(process) == NULL);
    return 0;
}

LOOP_TEST(communicate_of_more_than_a_pipe_holds_does_not_block)
{
    enum { BYTES = 1 << 20 };
    async_auto_wait_process *process = start_shell(&all_pipes, "cat");
    async_auto_output output = {0};
    char *input = malloc(BYTES);
    for (int i = 0; i < BYTES; i++)
        input[i] = (char)('a' + i % 26);
    CHECK_EQ(async_process_communicate(process, input, BYTES, &output), 0);
    CHECK_EQ(output.out_size, BYTES);
    CHECK(memcmp(output.out, input, BYTES) == 0);
    free(input);
    return 0;
}

LOOP_TEST(communicate_with_a_process_that_does_not_read_is_no_error)
{
    enum { BYTES = 1 << 20 };
    async_auto_wait_process *process = start_shell(&all_pipes, "exec <&-; echo done");
    async_auto_output output = {0};
    char *input = calloc(1, BYTES);
    CHECK_EQ(async_process_communicate(process, input, BYTES, &output), 0);
    CHECK_STR(output.out, "done\n");
    free(input);
    return 0;
}

LOOP_TEST(communicate_that_reached_a_limit_goes_on_with_the_next_call)
{
    int gate;
    async_auto_wait_process *process = start_gated_shell(&gate, "echo first", "cat");
    async_auto_output output = {0};
    CHECK_EQ(async_timeout(0.02, async_process_communicate(process, "last", 4, &output)),
             -ETIMEDOUT);
    CHECK(output.out == NULL);
    close(gate);
    CHECK_EQ(async_process_communicate(process, "last", 4, &output), 0);
    CHECK_STR(output.out, "first\nlast");
    return 0;
}

LOOP_TEST(communicate_gives_what_came_before_the_process_was_killed)
{
    const async_process_options options = {.out = ASYNC_PIPE, .own_group = true};
    async_auto_wait_process *process = start_shell(&options, "echo first; sleep 1000 & wait");
    async_auto_output output = {0};
    CHECK_EQ(async_timeout(0.5, async_process_communicate(process, NULL, 0, &output)), -ETIMEDOUT);
    CHECK_EQ(WTERMSIG(async_process_stop(process, 0)), SIGKILL);
    CHECK_EQ(WTERMSIG(async_process_communicate(process, NULL, 0, &output)), SIGKILL);
    CHECK_STR(output.out, "first\n");
    return 0;
}

LOOP_TEST(communicate_reads_to_the_end_of_a_pipe_that_another_process_holds)
{
    const async_process_options options = {.out = ASYNC_PIPE};
    async_auto_wait_process *process = start_shell(&options,
                                                   "(sleep 0.05; echo late) & echo early");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "early\nlate\n");
    return 0;
}

LOOP_TEST(communicate_lingers_no_longer_than_its_limit)
{
    const async_process_options options = {.out = ASYNC_PIPE, .own_group = true, .linger = 0.02};
    async_auto_wait_process *process = start_shell(&options, "sleep 1000 & echo early");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "early\n");
    CHECK(output.open);
    return 0;
}

LOOP_TEST(communicate_keeps_no_more_than_its_limit)
{
    const async_process_options options = {.out = ASYNC_PIPE, .limit = 10};
    async_auto_wait_process *process = start_shell(&options, "yes | head -c 100000");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "y\ny\ny\ny\ny\n");
    CHECK(output.cut);
    return 0;
}

LOOP_TEST(communicate_of_an_empty_output_gives_an_empty_text)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "exit 0");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "");
    CHECK_STR(output.err, "");
    return 0;
}

LOOP_TEST(communicate_without_a_pipe_for_its_input_is_refused)
{
    async_auto_wait_process *process = start_shell(NULL, "exit 0");
    CHECK_EQ(async_process_communicate(process, "x", 1, NULL), -EINVAL);
    CHECK_EQ(async_process_communicate(process, NULL, 1, NULL), -EINVAL);
    CHECK_EQ(async_process_communicate(process, NULL, 0, NULL), 0);
    return 0;
}

LOOP_TEST(communicate_after_its_pipe_was_closed_is_refused)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "cat");
    async_stream_close(async_process_stdin(process));
    CHECK_EQ(async_process_communicate(process, "x", 1, NULL), -EINVAL);
    CHECK_EQ(async_process_communicate(process, NULL, 0, NULL), 0);
    return 0;
}

LOOP_TEST(communicate_again_after_all_input_was_written_needs_no_pipe)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "cat; exec sleep 1000");
    async_auto_output output = {0};
    CHECK_EQ(async_timeout(0.1, async_process_communicate(process, "x", 1, &output)), -ETIMEDOUT);
    CHECK_EQ(async_process_kill(process), 0);
    CHECK_EQ(async_process_communicate(process, "x", 1, &output), SIGKILL);
    CHECK_STR(output.out, "x");
    return 0;
}

/* ---- async_run_process ----------------------------------------------------------------------- */

LOOP_TEST(run_process_gives_the_output_of_a_program_that_succeeds)
{
    async_auto_output output = {0};
    CHECK_EQ(async_run_process(NULL, &output, "echo", "a", "b"), 0);
    CHECK_STR(output.out, "a b\n");
    CHECK(output.err == NULL);
    CHECK_EQ(async_run_process(NULL, NULL, "true"), 0);
    return 0;
}

LOOP_TEST(run_process_explains_the_failure_of_a_program)
{
    async_auto_output output = {0};
    const async_process_options options = {.err = ASYNC_PIPE};
    CHECK_EQ(async_run_process(&options, &output, "sh", "-c", "echo no such thing >&2; exit 2"),
             -ECHILD);
    CHECK_STR(async_strerror(-ECHILD), "-ECHILD: sh -c echo no such thing >&2; exit 2: "
                                       "exit status 2: no such thing");
    CHECK_STR(output.err, "no such thing\n");
    CHECK_EQ(async_run_process(NULL, NULL, "sh", "-c", "kill -SEGV $$"), -ECHILD);
    CHECK(strstr(async_strerror(-ECHILD), "killed by SIGSEGV") != NULL);
    CHECK_EQ(async_run_process(NULL, NULL, "/no/such/program"), -ENOENT);
    return 0;
}

LOOP_TEST(run_process_ends_the_program_when_it_is_cancelled)
{
    CHECK_EQ(async_timeout(0.02, async_run_process(NULL, NULL, "sleep", "1000")), -ETIMEDOUT);
    return 0;
}

LOOP_TEST(run_process_that_reaches_a_limit_gives_what_came_before)
{
    async_auto_output output = {0};
    const async_process_options options = {.own_group = true};
    CHECK_EQ(async_timeout(1, async_run_process(&options, &output, "sh", "-c",
                                                "echo so far; exec sleep 1000")),
             -ETIMEDOUT);
    CHECK_STR(output.out, "so far\n");
    return 0;
}
