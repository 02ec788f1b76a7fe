/*
 * test_cpython_popen.c: rules that CPython's test_subprocess.py keeps and that no other test here
 * does, without those about descriptors (test_cpython_fds.c). cpython.md has the row of each of its
 * tests.
 */
#include "shell.h"
#include "sys/tools.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The output of a command must be that text, and its status 0. */
static void check_output(const async_process_options *given, const char *command,
                         const char *expected)
{
    async_process_options options = given != NULL ? *given : (async_process_options){0};
    async_auto_output output = {0};
    CHECK_EQ(async_run_process(&options, &output, "/bin/sh", "-c", command), 0);
    CHECK_STR(output.out, expected);
}

/* ---- communicate ---------------------------------------------------------------------------- */

LOOP_TEST(communicate_of_more_than_pipe_buf_before_and_after_the_input)
{
    enum { INPUT = 300000, FIRST = 200000 };
    async_auto_wait_process *process = start_shell(&all_pipes, "head -c 200000 /dev/zero; cat");
    async_auto_output output = {0};
    char *input = malloc(INPUT);
    memset(input, 'x', INPUT);
    CHECK_EQ(async_process_communicate(process, input, INPUT, &output), 0);
    CHECK_EQ(output.out_size, FIRST + INPUT);
    CHECK(memcmp(output.out + FIRST, input, INPUT) == 0);
    free(input);
    return 0;
}

LOOP_TEST(communicate_adds_to_what_was_written_before)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "cat");
    async_auto_output output = {0};
    CHECK_EQ(async_stream_write(async_process_stdin(process), "banana", 6), 0);
    CHECK_EQ(async_process_communicate(process, "split", 5, &output), 0);
    CHECK_STR(output.out, "bananasplit");
    return 0;
}

LOOP_TEST(communicate_of_input_alone_with_an_ended_process_is_no_error)
{
    enum { MORE_THAN_A_PIPE = 1 << 20 };
    const async_process_options options = {.in = ASYNC_PIPE};
    async_auto_wait_process *process = start_shell(&options, "exit 0");
    char *input = calloc(1, MORE_THAN_A_PIPE);
    CHECK_EQ(async_process_wait(process), 0);
    CHECK_EQ(async_process_communicate(process, input, MORE_THAN_A_PIPE, NULL), 0);
    free(input);
    return 0;
}

LOOP_TEST(communicate_after_a_limit_has_all_of_a_large_output)
{
    enum { PARTS = 4, BYTES = 100000 };
    async_auto_wait_process *process = start_shell(
        &all_pipes, "for i in 1 2 3 4; do head -c 100000 /dev/zero; sleep 0.04; done");
    async_auto_output output = {0};
    int result = async_timeout(0.06, async_process_communicate(process, NULL, 0, &output));
    CHECK(result == -ETIMEDOUT || result == 0);
    if (result == -ETIMEDOUT)
        CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_EQ(output.out_size, PARTS * BYTES);
    return 0;
}

LOOP_TEST(communicate_goes_without_a_stream_that_was_closed)
{
    int gate;
    async_auto_wait_process *process = start_gated_shell(&gate, "exec >&-; cat >&2", "exit 0");
    async_auto_output output = {0};
    async_stream_close(async_process_stdout(process));
    CHECK_EQ(async_timeout(0.01, async_process_communicate(process, "abc", 3, &output)),
             -ETIMEDOUT);
    close(gate);
    CHECK_EQ(async_process_communicate(process, "abc", 3, &output), 0);
    CHECK_STR(output.err, "abc");
    return 0;
}

LOOP_TEST(communicate_without_an_input_pipe_any_more_reads_the_output)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "cat; echo done");
    async_auto_output output = {0};
    async_stream_close(async_process_stdin(process));
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "done\n");
    return 0;
}

static void handle_nothing(int number)
{
    (void)number;
}

LOOP_TEST(communicate_goes_on_after_a_signal_handler)
{
    struct sigaction action = {.sa_handler = handle_nothing}, before; /* without SA_RESTART */
    sigaction(SIGUSR1, &action, &before);
    async_auto_wait_process *process = start_shell(
        &all_pipes, "for i in 1 2 3; do kill -USR1 $PPID; sleep 0.01; echo $i; done; cat");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, "4\n", 2, &output), 0);
    CHECK_STR(output.out, "1\n2\n3\n4\n");
    sigaction(SIGUSR1, &before, NULL);
    return 0;
}

LOOP_TEST(communicate_gives_both_outputs_in_one_text)
{
    const async_process_options options = {.err = ASYNC_STDOUT};
    check_output(&options, "echo out; echo error >&2; echo out", "out\nerror\nout\n");
    return 0;
}

LOOP_TEST(process_pipe_has_the_size_that_was_asked_for)
{
    const async_process_options small = {.in = ASYNC_PIPE, .out = ASYNC_PIPE, .pipe_size = 4096};
    async_auto_wait_process *process = start_shell(&small, "cat");
    int page = (int)sysconf(_SC_PAGESIZE);
    CHECK_EQ(fcntl(async_stream_fd(async_process_stdin(process)), F_GETPIPE_SZ), page);
    CHECK_EQ(fcntl(async_stream_fd(async_process_stdout(process)), F_GETPIPE_SZ), page);
    return async_process_communicate(process, NULL, 0, NULL);
}

/* ---- what it is given ----------------------------------------------------------------------- */

LOOP_TEST(process_environment_may_be_empty_or_one_variable)
{
    char *const empty[] = {NULL}, *const one[] = {"fruit=orange", NULL};
    async_auto_output nothing = {0}, orange = {0};
    CHECK_EQ(async_run_process(&(async_process_options){.env = empty}, &nothing, "/bin/cat",
                               "/proc/self/environ"),
             0);
    CHECK_EQ(nothing.out_size, 0);
    CHECK_EQ(async_run_process(&(async_process_options){.env = one}, &orange, "/bin/cat",
                               "/proc/self/environ"),
             0);
    CHECK_EQ(orange.out_size, strlen(one[0]) + 1);
    CHECK_STR(orange.out, one[0]);
    return 0;
}

LOOP_TEST(process_environment_is_that_of_the_moment_of_the_start)
{
    setenv("ASYNCIO_TEST_FRUIT", "", 1);
    check_output(NULL, "echo \"${ASYNCIO_TEST_FRUIT-unset}\"", "\n");
    setenv("ASYNCIO_TEST_FRUIT", "a=b\xff c", 1);
    check_output(NULL, "echo \"$ASYNCIO_TEST_FRUIT\"", "a=b\xff c\n");
    unsetenv("ASYNCIO_TEST_FRUIT");
    check_output(NULL, "echo \"${ASYNCIO_TEST_FRUIT-unset}\"", "unset\n");
    return 0;
}

LOOP_TEST(process_may_have_many_arguments)
{
    enum { COUNT = 5000 };
    char **argv = calloc(COUNT + 1, sizeof *argv);
    async_auto_output output = {0};
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = "echo $#";
    for (int i = 3; i < COUNT; i++)
        argv[i] = "argument";
    CHECK_EQ(async_run_processv(NULL, &output, argv), 0);
    CHECK_EQ(atoi(output.out), COUNT - 4); /* without $0 */
    free(argv);
    return 0;
}

LOOP_TEST(process_with_an_argument_that_is_too_long_is_refused)
{
    enum { LENGTH = 1 << 22 }; /* the kernel takes 32 pages */
    async_process *process;
    if (tools_under_valgrind())
        test_skip("valgrind ends a process whose execve fails late");
    char *argument = malloc(LENGTH + 1);
    memset(argument, 'x', LENGTH);
    argument[LENGTH] = 0;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "/bin/echo", argument), -E2BIG);
    CHECK_STR(async_strerror(-E2BIG), "-E2BIG: run /bin/echo: Argument list too long");
    free(argument);
    return 0;
}

LOOP_TEST(process_without_a_program_is_refused)
{
    async_process *process;
    char *const nothing[] = {NULL};
    CHECK_EQ(async_create_subprocess_execv(&process, NULL, nothing), -EINVAL);
    CHECK_EQ(async_create_subprocess_execv(&process, NULL, NULL), -EINVAL);
    CHECK_EQ(async_create_subprocess_shell(&process, NULL, NULL), -EINVAL);
    CHECK(async_create_subprocess_exec(&process, NULL, "") < 0);
    return 0;
}

LOOP_TEST(process_executable_replaces_the_shell)
{
    skip_with_busybox();
    const async_process_options options = {.executable = "/bin/echo", .out = ASYNC_PIPE};
    async_auto_wait_process *process = start_shell(&options, "a b");
    async_auto_output output = {0};
    CHECK_EQ(async_process_communicate(process, NULL, 0, &output), 0);
    CHECK_STR(output.out, "-c a b\n");
    return 0;
}

/* A folder with a program in it; the caller removes both. */
static void make_program(char *folder, char *path, size_t size)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, size, "%s/of-the-test", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs("#!/bin/sh\necho \"$0\"\n", file);
    fclose(file);
    CHECK_EQ(chmod(path, 0755), 0);
}

static void remove_program(const char *folder, const char *path)
{
    unlink(path);
    rmdir(folder);
}

LOOP_TEST(process_relative_program_is_looked_up_in_its_directory)
{
    char folder[] = "/tmp/asyncio-test-XXXXXX", path[64];
    async_auto_output output = {0};
    async_process *process;
    make_program(folder, path, sizeof path);
    const async_process_options options = {.cwd = folder, .out = ASYNC_PIPE};
    CHECK_EQ(async_run_process(&options, &output, "./of-the-test"), 0);
    CHECK_STR(output.out, "./of-the-test\n");
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "./of-the-test"), -ENOENT);
    remove_program(folder, path);
    return 0;
}

LOOP_TEST(process_program_that_another_one_writes_is_tried_again)
{
    char folder[] = "/tmp/asyncio-test-XXXXXX", path[64];
    async_process *process;
    make_program(folder, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int result = async_create_subprocess_exec(&process, NULL, path);
    CHECK(result == -ETXTBSY || result == 0); /* since Linux 6.11 some kernels allow it */
    async_process_free_wait(process);
    close(fd);
    CHECK_EQ(async_run_process(NULL, NULL, path), 0);
    remove_program(folder, path);
    return 0;
}

LOOP_TEST(process_file_without_an_interpreter_is_no_program)
{
    char folder[] = "/tmp/asyncio-test-XXXXXX", path[64];
    async_process *process;
    make_program(folder, path, sizeof path);
    FILE *file = fopen(path, "w");
    fputs("exit 0\n", file);
    fclose(file);
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, path), -ENOEXEC);
    CHECK(strstr(async_strerror(-ENOEXEC), path) != NULL);
    remove_program(folder, path);
    return 0;
}

LOOP_TEST(process_of_a_missing_directory_and_program_blames_the_directory)
{
    async_process *process;
    const async_process_options options = {.cwd = "/no/such"};
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "/no/such/program"), -ENOENT);
    CHECK_STR(async_strerror(-ENOENT), "-ENOENT: run /no/such/program in the directory /no/such: "
                                       "No such file or directory");
    return 0;
}

/* ---- signals -------------------------------------------------------------------------------- */

LOOP_TEST(process_that_has_ended_gets_no_signal)
{
    async_auto_wait_process *process = start_shell(NULL, "exit 0");
    CHECK_EQ(async_process_wait(process), 0);
    CHECK_EQ(async_process_send_signal(process, SIGINT), -ESRCH);
    CHECK_EQ(async_process_terminate(process), -ESRCH);
    CHECK_EQ(async_process_kill(process), -ESRCH);
    CHECK(strstr(async_strerror(-ESRCH), "has ended") != NULL);
    return 0;
}

LOOP_TEST(process_that_another_waiter_has_reaped_gets_no_signal)
{
    async_auto_wait_process *process = start_shell(NULL, "exit 0");
    pid_t pid = async_process_pid(process);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(async_process_terminate(process), -ESRCH);
    return 0;
}

LOOP_TEST(process_signal_that_does_not_exist_is_refused)
{
    async_auto_wait_process *process = start_shell(NULL, "exec sleep 1000");
    CHECK_EQ(async_process_send_signal(process, -1), -EINVAL);
    CHECK_EQ(async_process_send_signal(process, 1000), -EINVAL);
    CHECK_EQ(async_process_send_signal(process, 0), 0); /* it exists */
    return 0;
}

LOOP_TEST(process_that_is_stopped_has_not_ended)
{
    async_auto_wait_process *process = start_shell(&all_pipes, "kill -STOP $$; echo on");
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)async_process_pid(process));
    while (state != 'T') {
        FILE *file = fopen(path, "r");
        CHECK(file != NULL);
        CHECK_EQ(fscanf(file, "%*d %*s %c", &state), 1);
        fclose(file);
        CHECK_EQ(async_sleep(0), 0);
    }
    CHECK_EQ(async_timeout(0.01, async_process_wait(process)), -ETIMEDOUT);
    CHECK_EQ(async_process_returncode(process), -EINPROGRESS);
    CHECK_EQ(async_process_send_signal(process, SIGCONT), 0);
    CHECK_EQ(async_process_wait(process), 0);
    return 0;
}

LOOP_TEST(process_that_aborts_tells_the_signal)
{
    char text[64];
    int status = run_shell(NULL, "ulimit -c 0; kill -ABRT $$");
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGABRT);
    async_strstatus(status, text, sizeof text);
    CHECK(strstr(text, "killed by SIGABRT") == text);
    return 0;
}

/* ---- sessions, groups, users ---------------------------------------------------------------- */

LOOP_TEST(process_may_join_the_group_of_another_one)
{
    const async_process_options leads = {.own_group = true};
    async_auto_wait_process *leader = start_shell(&leads, "exec sleep 1000");
    pid_t group = async_process_pid(leader);
    const async_process_options joins = {.join_group = group};
    async_auto_wait_process *member = start_shell(&joins, "exec sleep 1000");
    CHECK_EQ(getpgid(group), group);
    CHECK_EQ(getpgid(async_process_pid(member)), group);
    CHECK_EQ(getsid(group), getsid(0));
    CHECK_EQ(async_process_send_signal_group(leader, SIGTERM), 0);
    CHECK_EQ(WTERMSIG(async_process_wait(member)), SIGTERM);
    CHECK_EQ(WTERMSIG(async_process_wait(leader)), SIGTERM);
    return 0;
}

LOOP_TEST(process_session_of_its_own_has_its_number)
{
    const async_process_options options = {.own_session = true};
    async_auto_wait_process *process = start_shell(&options, "exec sleep 1000");
    pid_t pid = async_process_pid(process);
    CHECK_EQ(getsid(pid), pid);
    CHECK_EQ(getpgid(pid), pid);
    return 0;
}

LOOP_TEST(process_group_that_does_not_exist_cannot_be_joined)
{
    async_process *process;
    const async_process_options options = {.join_group = 1}; /* of another session */
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "true"), -EPERM);
    CHECK_STR(async_strerror(-EPERM),
              "-EPERM: run true: set the session or group: Operation not permitted");
    return 0;
}

LOOP_TEST(process_runs_as_another_user_and_group)
{
    const uid_t user = 65534;
    const gid_t group = 65533, groups[] = {100, 200};
    if (geteuid() != 0)
        test_skip("only root may change the user");
    check_output(&(async_process_options){.user = &user}, "id -u; id -ru", "65534\n65534\n");
    check_output(&(async_process_options){.group = &group}, "id -g; id -rg", "65533\n65533\n");
    const async_process_options all = {
        .user = &user, .group = &group, .groups = groups, .group_count = 2};
    check_output(&all, "id -u; id -G", "65534\n65533 100 200\n");
    return 0;
}

LOOP_TEST(process_may_have_no_supplementary_groups)
{
    const gid_t group = 65533, none[] = {0}, some[] = {100};
    if (geteuid() != 0)
        test_skip("only root may change the groups");
    gid_t before[64];
    int count = getgroups(64, before);
    CHECK_EQ(setgroups(1, some), 0);
    check_output(&(async_process_options){.group = &group}, "id -G", "65533 100\n");
    check_output(&(async_process_options){.group = &group, .groups = none}, "id -G", "65533\n");
    CHECK_EQ(setgroups((size_t)count, before), 0);
    return 0;
}

LOOP_TEST(process_user_that_may_not_be_changed_is_an_error)
{
    async_process *process;
    const uid_t user = 0;
    bool is_root = geteuid() == 0;
    CHECK(!is_root || seteuid(65534) == 0);
    const gid_t groups[] = {0};
    const async_process_options options = {.user = &user, .groups = groups, .group_count = 1};
    int result = async_create_subprocess_exec(&process, &options, "/bin/true");
    CHECK(!is_root || seteuid(0) == 0);
    CHECK_EQ(result, -EPERM);
    CHECK_STR(async_strerror(-EPERM),
              "-EPERM: run /bin/true: set the user and groups: Operation not permitted");
    return 0;
}

/* ---- runs ----------------------------------------------------------------------------------- */

LOOP_TEST(run_process_may_read_a_descriptor)
{
    int ends[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(write(ends[1], "pear", 4), 4);
    close(ends[1]);
    check_output(&(async_process_options){.in = ends[0]}, "cat", "pear");
    close(ends[0]);
    return 0;
}

LOOP_TEST(run_process_with_a_limit_gives_what_came_before)
{
    const async_process_options options = {.out = ASYNC_PIPE, .grace = 0.01};
    async_auto_output output = {0};
    CHECK_EQ(async_timeout(0.05, async_run_process(&options, &output, "/bin/sh", "-c",
                                                   "echo first; exec sleep 1000")),
             -ETIMEDOUT);
    if (output.out != NULL) /* a slow machine may not have come to it */
        CHECK(strncmp("first\n", output.out, strlen(output.out)) == 0);
    return 0;
}

/* ---- shortages ------------------------------------------------------------------------------ */

LOOP_TEST(process_start_without_descriptors_left_is_an_error)
{
    enum { MOST = 40 };
    struct rlimit before, low = {.rlim_cur = 60};
    async_process *processes[MOST] = {NULL};
    int count = 0, result = 0;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    low.rlim_max = before.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (result == 0 && count < MOST)
        result = async_create_subprocess_exec(&processes[count++], &all_pipes, "cat");
    CHECK_EQ(result, -EMFILE);
    for (int i = 0; i < count; i++)
        async_process_free_wait(processes[i]);
    CHECK_EQ(async_run_process(NULL, NULL, "true"), 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    return 0;
}

LOOP_TEST(process_without_memory_is_an_error_at_every_step)
{
    int result = -ENOMEM;
    for (long allowed = 0; result == -ENOMEM; allowed++) {
        async_auto_output output = {0};
        test_allow_allocations(allowed);
        result = async_run_process(&all_pipes, &output, "cat");
        test_allow_allocations(-1);
        CHECK(result == 0 || result == -ENOMEM);
        CHECK_EQ(result == 0, output.out != NULL);
    }
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    return 0;
}
