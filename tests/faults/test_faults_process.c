/*
 * test_faults_process.c: programs for tests/scripts/faults.py (see test_faults.c) that run other
 * programs. Whatever fails: a start says so or gives a process, each process that was started ends,
 * and no descriptor stays open.
 */
#include "fault_test.h"

#include <string.h>

/* The kernel may have no room for one more process; that is no "try again" of the library. */
static int answer_of_start(int result)
{
    return result == -EAGAIN && !nothing_fails ? result : answer(result);
}

/* A status that was not told is an answer as well. */
static bool is_status(int result, int expected)
{
    return result == expected || answer(result) < 0;
}

static void talk_with(async_process *process, int number)
{
    async_auto_output output = {0};
    int status = async_process_communicate(process, "some input", 10, &output);
    CHECK(is_status(status, 0));
    if (status == 0 && output.out != NULL)
        CHECK(strcmp(output.out, "some input") == 0 || !nothing_fails);
    kept[number]++;
}

FAULTS_TEST(process_that_was_started_is_waited_for_and_leaves_nothing)
{
    const async_process_options options = {
        .in = ASYNC_PIPE, .out = ASYNC_PIPE, .err = ASYNC_DEVNULL};
    for (int i = 0; i < 2; i++) {
        async_auto_wait_process *process = NULL;
        if (answer_of_start(async_create_subprocess_exec(&process, &options, "cat")) < 0)
            continue;
        promised[i]++;
        talk_with(process, i);
    }
    return 0;
}

FAULTS_TEST(process_that_runs_on_is_ended_when_it_is_freed)
{
    const async_process_options options = {.own_group = true, .grace = 0.02};
    async_auto_wait_process *process = NULL;
    if (answer_of_start(async_create_subprocess_exec(&process, &options, "sleep", "1")) < 0)
        return 0;
    CHECK(async_process_returncode(process) < 0);
    return 0;
}

FAULTS_TEST(program_that_is_run_to_its_end_gives_its_output_or_an_error)
{
    async_auto_output output = {0};
    int result = answer_of_start(async_run_process(NULL, &output, "echo", "text"));
    CHECK(result < 0 || strcmp(output.out, "text\n") == 0);
    return 0;
}
