/*
 * test_process_uses.c: several tasks that use one process, and changes around a start: what one
 * task does to the handle, the environment or the descriptors must not surprise another.
 */
#include "run/runner.h"
#include <asyncio/terminal.h>
#include "shell.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int stop_it(async_process *process)
{
    return async_process_stop(process, 60);
}
async_fn(stop_it, async_process *);

static int wait_and_free(async_process *process)
{
    int status = async_process_wait(process);
    async_process_free_wait(process);
    return status;
}
async_fn(wait_and_free, async_process *);

LOOP_TEST(process_may_be_freed_while_another_task_stops_it)
{
    async_process *process = start_shell(NULL, "exec sleep 1000");
    async_task *waiter = async_create_task(wait_and_free, process);
    CHECK_EQ(async_sleep(0), 0);
    async_task *stopper = async_create_task(stop_it, process);
    CHECK_EQ(async_await(waiter), SIGTERM);
    int result = async_await(stopper);
    CHECK(result == SIGTERM || result == -ECANCELED);
    return 0;
}

REAL_LOOP_TEST(process_that_is_detached_during_a_stop_is_not_killed)
{
    const async_process_options options = {.out = ASYNC_PIPE};
    async_process *process = start_shell(&options, "trap '' TERM; echo; exec sleep 1000");
    char byte;
    CHECK_EQ(async_stream_read(async_process_stdout(process), &byte, 1), 1);
    pid_t pid = async_process_pid(process);
    async_task *stopper = async_create_task(stop_it, process);
    CHECK_EQ(async_sleep(0), 0);
    async_process_detach(process);
    CHECK_EQ(async_await(stopper), -ECANCELED);
    CHECK_EQ(kill(pid, 0), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    for (int i = 0; kill(pid, 0) == 0; i++) { /* the loop reaps it */
        CHECK(i < 5000);
        CHECK_EQ(async_sleep(0.001), 0);
    }
    return 0;
}

LOOP_TEST(process_that_has_left_its_group_is_stopped_all_the_same)
{
    static const char leaves[] = "import os, time; os.setpgid(0, os.getpgid(os.getppid())); "
                                 "print(flush=True); time.sleep(1000)";
    const async_process_options options = {.out = ASYNC_PIPE, .own_group = true};
    async_auto_wait_process *process = NULL;
    char byte;
    test_needs_python();
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "python3", "-c", leaves), 0);
    CHECK_EQ(async_stream_read(async_process_stdout(process), &byte, 1), 1);
    CHECK_EQ(async_process_stop(process, 60), SIGTERM);
    return 0;
}

static int communicate_with(async_process *process)
{
    return async_process_communicate(process, "first", 5, NULL);
}
async_fn(communicate_with, async_process *);

LOOP_TEST(communicate_of_two_tasks_at_once_is_refused)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "test \"$(cat)\" = first");
    async_task *task = async_create_task(communicate_with, process);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_process_communicate(process, "second", 6, NULL), -EBUSY);
    CHECK(strstr(async_strerror(-EBUSY), "another task communicates with this process") != NULL);
    CHECK_EQ(async_await(task), 0);
    return 0;
}

LOOP_TEST(communicate_without_an_output_keeps_none)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "echo dropped");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, NULL), 0);
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "");
    return 0;
}

LOOP_TEST(process_starts_without_any_environment)
{
    clearenv();
    CHECK_EQ(async_run_process(NULL, NULL, "/bin/true"), 0);
    return 0;
}

static int start_with_colour(void)
{
    return async_run_process(NULL, NULL, "/bin/sh", "-c", "test \"$COLOUR\" = red");
}
async_fn(start_with_colour);

LOOP_TEST(process_has_the_environment_of_the_moment_of_its_start)
{
    char *colour = strdup("COLOUR=red");
    CHECK_EQ(putenv(colour), 0);
    async_task *task = async_create_task(start_with_colour);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(unsetenv("COLOUR"), 0);
    memset(colour, 'x', strlen(colour));
    free(colour);
    CHECK_EQ(async_await(task), 0);
    return 0;
}

LOOP_TEST(process_of_no_user_is_refused)
{
    const uid_t nobody = (uid_t)-1;
    const gid_t nothing = (gid_t)-1;
    CHECK_EQ(async_run_process(&(async_process_options){.user = &nobody}, NULL, "true"), -EINVAL);
    CHECK_EQ(async_run_process(&(async_process_options){.group = &nothing}, NULL, "true"), -EINVAL);
    CHECK_EQ(async_run_process(&(async_process_options){.stop_signal = 99}, NULL, "true"), -EINVAL);
    CHECK_EQ(async_run_process(NULL, NULL, ""), -ENOENT);
    return 0;
}

/* ---- standard output ------------------------------------------------------------------------- */

static int write_and_run(void)
{
    for (int i = 0; i < 20; i++) {
        ASYNC_TRY(async_stream_write(async_stdout(), "own ", 4));
        ASYNC_TRY(async_run_process(NULL, NULL, "echo", "child"));
    }
    return 0;
}
async_fn(write_and_run);

TEST_EACH_BACKEND(process_writes_after_what_was_written_before_its_start)
{
    int ends[2], saved = dup(1);
    char said[1000] = "";
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(dup2(ends[1], 1), 1);
    int result = async_run_with(test_options(), write_and_run);
    CHECK_EQ(dup2(saved, 1), 1);
    CHECK_EQ(result, 0);
    close(ends[1]);
    CHECK(read(ends[0], said, sizeof said - 1) > 0);
    for (int i = 0; i < 20; i++)
        CHECK(strncmp(said + i * 10, "own child\n", 10) == 0);
    close(ends[0]);
    close(saved);
}

static int write_a_result(void)
{
    async_stream *out = async_stdout();
    CHECK(out != NULL); /* the library's word for it would be in the pipe */
    return async_stream_write(out, "result\n", 7);
}
async_fn(write_a_result);

TEST_EACH_BACKEND(output_to_a_full_device_is_not_lost_in_silence)
{
    int ends[2], saved_out = dup(1), saved_err = dup(2), full = open("/dev/full", O_WRONLY);
    char said[300] = "";
    if (full < 0)
        test_skip("there is no /dev/full");
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(dup2(full, 1), 1);
    CHECK_EQ(dup2(ends[1], 2), 2);
    int status = async_main_with(test_options(), write_a_result);
    CHECK_EQ(dup2(saved_out, 1), 1);
    CHECK_EQ(dup2(saved_err, 2), 2);
    CHECK_EQ(status, 1);
    close(ends[1]); /* the read ends also if the report could not be written */
    CHECK(read(ends[0], said, sizeof said - 1) > 0);
    CHECK(strstr(said, "was lost: -ENOSPC: No space left on device") != NULL);
    close(ends[0]);
    close(saved_out);
    close(saved_err);
    close(full);
}
