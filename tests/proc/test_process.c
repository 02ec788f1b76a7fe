/*
 * test_process.c: starting programs and waiting for their ends: status, arguments, environment,
 * working directory, descriptors, errors with their messages.
 */
#include "proc/shell.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- ends ----------------------------------------------------------------------------------- */

LOOP_TEST(process_gives_its_exit_status)
{
    CHECK_EQ(run_shell(NULL, "exit 0"), 0);
    int status = run_shell(NULL, "exit 7");
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 7);
    return 0;
}

LOOP_TEST(process_killed_by_a_signal_tells_the_signal)
{
    int status = run_shell(NULL, "kill -TERM $$");
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGTERM);
    return 0;
}

LOOP_TEST(process_status_can_be_asked_any_number_of_times)
{
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "sh", "-c", "exit 3"), 0);
    int status = async_process_wait(process);
    CHECK_EQ(WEXITSTATUS(status), 3);
    CHECK_EQ(async_process_wait(process), status);
    CHECK_EQ(async_process_returncode(process), status);
    return 0;
}

static int wait_for(async_process *process)
{
    return async_process_wait(process);
}
async_fn(wait_for, async_process *);

LOOP_TEST(process_end_wakes_every_waiting_task)
{
    async_auto_wait_process *process = NULL;
    async_task *tasks[3];
    int results[3];
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "cat", "/dev/null"), 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(wait_for, process);
    CHECK_EQ(async_gather_n(tasks, 3, results, ASYNC_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(results[i], 0);
    return 0;
}

LOOP_TEST(process_runs_on_when_a_wait_is_cancelled)
{
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "sleep", "1000"), 0);
    CHECK_EQ(async_process_returncode(process), -EINPROGRESS);
    CHECK_EQ(async_timeout(0, async_process_wait(process)), -ETIMEDOUT);
    CHECK_EQ(async_process_returncode(process), -EINPROGRESS);
    CHECK_EQ(async_process_kill(process), 0);
    int status = async_process_wait(process);
    CHECK_EQ(WTERMSIG(status), SIGKILL);
    CHECK_EQ(async_process_kill(process), -ESRCH);
    return 0;
}

/* ---- what it is given ----------------------------------------------------------------------- */

LOOP_TEST(process_gets_its_arguments_and_environment)
{
    char *const env[] = {"COLOUR=green", NULL};
    const async_process_options options = {.env = env};
    CHECK_EQ(run_shell(&options, "test \"$COLOUR\" = green && test -z \"$HOME\""), 0);
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "/bin/sh", "-c",
                                          "test \"$0|$1|$#\" = 'a b||2'", "a b", "", "c"),
             0);
    CHECK_EQ(async_process_wait(process), 0);
    return 0;
}

LOOP_TEST(process_runs_in_its_directory_with_its_umask)
{
    const mode_t mask = 027;
    const async_process_options options = {.cwd = "/usr", .umask = &mask};
    CHECK_EQ(run_shell(&options, "test \"$(pwd)\" = /usr && test \"$(umask)\" = 0027"), 0);
    return 0;
}

LOOP_TEST(process_program_is_searched_in_the_path_of_its_environment)
{
    char *const env[] = {"PATH=/nowhere:/bin", NULL};
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_exec(&process, &(async_process_options){.env = env}, "true"),
             0);
    CHECK_EQ(async_process_wait(process), 0);
    return 0;
}

LOOP_TEST(process_executable_may_differ_from_its_name)
{
    skip_with_busybox();
    const async_process_options options = {.executable = "sh"};
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "another name", "-c",
                                          "test \"$0\" = 'another name'"),
             0);
    CHECK_EQ(async_process_wait(process), 0);
    return 0;
}

LOOP_TEST(process_inherits_no_descriptor_that_is_not_named)
{
    int ends[2], kept[2];
    char command[200];
    CHECK_EQ(pipe(ends), 0); /* without FD_CLOEXEC */
    CHECK_EQ(pipe(kept), 0);
    snprintf(command, sizeof command,
             "test ! -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d && "
             "test ! -e /proc/self/fd/%d && test -e /proc/self/fd/%d",
             ends[0], ends[1], kept[0], kept[1]);
    const int keep[] = {kept[1], kept[1], 1};
    const async_process_options options = {.keep_fds = keep, .keep_fd_count = 3};
    CHECK_EQ(run_shell(&options, command), 0);
    snprintf(command, sizeof command, "test -e /proc/self/fd/%d", ends[1]);
    CHECK_EQ(run_shell(&(async_process_options){.keep_all_fds = true}, command), 0);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(kept[i]);
    }
    return 0;
}

LOOP_TEST(process_standard_streams_may_be_swapped)
{
    char template[] = "/tmp/asyncio-test-XXXXXX", text[16] = "";
    int file = mkstemp(template), saved = dup(1);
    unlink(template);
    CHECK(file >= 0 && saved >= 0);
    CHECK_EQ(dup2(file, 1), 1);
    const async_process_options options = {.out = 2, .err = 1, .in = ASYNC_DEVNULL};
    int result = run_shell(&options, "echo to-err >&2");
    CHECK_EQ(dup2(saved, 1), 1);
    CHECK_EQ(result, 0);
    CHECK_EQ(pread(file, text, sizeof text, 0), 7);
    CHECK(strncmp(text, "to-err\n", 7) == 0);
    close(file);
    close(saved);
    return 0;
}

LOOP_TEST(process_has_default_actions_and_no_blocked_signal)
{
    sigset_t blocked, before;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    int status = run_shell(NULL, "kill -USR1 $$; sleep 1000");
    CHECK_EQ(WTERMSIG(status), SIGUSR1);
    status = run_shell(NULL, "kill -PIPE $$; exit 0");
    CHECK_EQ(WTERMSIG(status), SIGPIPE);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* A mask such as "SigIgn:\t0000000000000001" in the text. */
static unsigned long long signals_in(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    CHECK(line != NULL);
    return strtoull(line + strlen(name), NULL, 16);
}

LOOP_TEST(process_ignores_the_signals_of_the_terminal_if_we_do)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGPIPE};
    enum { NAMED = 0x7fffffff }; /* without the signals that libc and qemu keep for themselves */
    enum { OF_THE_TERMINAL = 1 << (SIGHUP - 1) | 1 << (SIGINT - 1) | 1 << (SIGQUIT - 1) };
    async_auto_output output = {0};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_IGN);
    CHECK_EQ(async_run_process(NULL, &output, "cat", "/proc/self/status"), 0);
    CHECK_EQ(signals_in(output.out, "SigIgn:") & NAMED, OF_THE_TERMINAL);
    CHECK_EQ(signals_in(output.out, "SigBlk:"), 0);
    return 0;
}

LOOP_TEST(process_may_lead_a_session_or_a_group)
{
    const char *leads = "test \"$(cut -d' ' -f5 /proc/self/stat)\" = $$";
    CHECK(run_shell(NULL, leads) > 0);
    CHECK_EQ(run_shell(&(async_process_options){.own_group = true}, leads), 0);
    CHECK_EQ(run_shell(&(async_process_options){.own_session = true}, leads), 0);
    return 0;
}

/* ---- failures ------------------------------------------------------------------------------- */

LOOP_TEST(process_that_is_not_found_says_where_it_was_searched)
{
    async_process *process;
    char *const env[] = {"PATH=/bin:/usr/bin", NULL};
    const async_process_options options = {.env = env};
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "no-such-program"), -ENOENT);
    CHECK(process == NULL);
    CHECK_STR(async_strerror(-ENOENT),
              "-ENOENT: run no-such-program: there is no such program in PATH (/bin:/usr/bin)");
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "/no/such/program"), -ENOENT);
    CHECK_STR(async_strerror(-ENOENT), "-ENOENT: run /no/such/program: No such file or directory");
    return 0;
}

LOOP_TEST(process_of_a_missing_directory_blames_the_directory)
{
    async_process *process;
    CHECK_EQ(
        async_create_subprocess_exec(&process, &(async_process_options){.cwd = "/no/such"}, "true"),
        -ENOENT);
    CHECK_STR(async_strerror(-ENOENT),
              "-ENOENT: run true in the directory /no/such: No such file or directory");
    return 0;
}

LOOP_TEST(process_that_is_no_program_fails)
{
    async_process *process;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "/etc/passwd"), -EACCES);
    CHECK_STR(async_strerror(-EACCES), "-EACCES: run /etc/passwd: Permission denied");
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "/etc/passwd/x"), -ENOENT);
    return 0;
}

LOOP_TEST(process_options_that_contradict_each_other_are_refused)
{
    async_process *process;
    const async_process_options wrong[] = {{.terminal = true},
                                           {.join_group = -1},
                                           {.join_group = 1, .own_group = true},
                                           {.keep_fd_count = 1},
                                           {.grace = -1},
                                           {.in = ASYNC_STDOUT},
                                           {.out = ASYNC_STDOUT},
                                           {.err = -4},
                                           {.pipe_size = -1},
                                           {.keep_fds = (const int[]){-1}, .keep_fd_count = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_EQ(async_create_subprocess_exec(&process, &wrong[i], "true"), -EINVAL);
        CHECK(strstr(async_strerror(-EINVAL), "options.") != NULL);
    }
    return 0;
}

LOOP_TEST(process_with_a_pipe_too_large_for_its_user_is_refused)
{
    const async_process_options options = {.in = ASYNC_PIPE, .pipe_size = 1 << 30};
    async_process *process;
    if (geteuid() == 0 && !become_user(65534))
        test_skip("root can become no other user here");
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "true"), -EPERM);
    CHECK(strstr(async_strerror(-EPERM), "options.pipe_size is 1073741824") != NULL);
    return 0;
}

/* ---- ending it ------------------------------------------------------------------------------ */

LOOP_TEST(process_is_ended_when_it_is_freed)
{
    async_process *process;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "sleep", "1000"), 0);
    pid_t pid = async_process_pid(process);
    async_process_free_wait(process);
    CHECK_EQ(kill(pid, 0), -1);
    CHECK_EQ(errno, ESRCH); /* not even a zombie */
    return 0;
}

LOOP_TEST(process_that_ignores_the_stop_signal_is_killed_after_the_grace)
{
    async_auto_wait_process *process = NULL;
    const async_process_options options = {.out = ASYNC_PIPE};
    char byte;
    CHECK_EQ(async_create_subprocess_shell(&process, &options,
                                           "trap '' TERM; echo; while :; do sleep 1000; done"),
             0);
    CHECK_EQ(async_stream_read(async_process_stdout(process), &byte, 1), 1);
    int status = async_process_stop(process, 0.02);
    CHECK_EQ(WTERMSIG(status), SIGKILL);
    return 0;
}

LOOP_TEST(process_that_stops_in_order_gives_its_status)
{
    async_auto_wait_process *process = NULL;
    const async_process_options options = {.out = ASYNC_PIPE, .stop_signal = SIGUSR1};
    char byte;
    CHECK_EQ(async_create_subprocess_shell(&process, &options,
                                           "trap 'exit 5' USR1; echo; "
                                           "while :; do sleep 0.01; done"),
             0);
    CHECK_EQ(async_stream_read(async_process_stdout(process), &byte, 1), 1);
    CHECK_EQ(WEXITSTATUS(async_process_stop(process, 60)), 5);
    return 0;
}

static int child_of_group(async_stream *stream)
{
    char line[32];
    int size = async_stream_readline(stream, line, sizeof line);
    return size > 0 ? atoi(line) : size;
}

LOOP_TEST(process_group_is_ended_with_its_leader)
{
    async_process *process;
    const async_process_options options = {.out = ASYNC_PIPE, .own_group = true};
    char byte;
    CHECK_EQ(async_create_subprocess_shell(&process, &options, "sleep 1000 & echo $!; wait"), 0);
    async_stream *out = async_process_stdout(process);
    int grandchild = child_of_group(out);
    CHECK(grandchild > 0);
    CHECK_EQ(async_process_stop(process, 60) & 0x7f, SIGTERM);
    CHECK_EQ(async_stream_read(out, &byte, 1), 0); /* the grandchild has ended as well */
    async_process_free_wait(process);
    return 0;
}

LOOP_TEST(process_group_cannot_be_signalled_when_it_is_ours)
{
    async_auto_wait_process *process = NULL;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "true"), 0);
    CHECK_EQ(async_process_send_signal_group(process, SIGTERM), -EINVAL);
    return async_process_wait(process);
}

REAL_LOOP_TEST(process_that_is_detached_leaves_no_zombie)
{
    async_process *process;
    const async_process_options options = {.out = ASYNC_PIPE};
    CHECK_EQ(async_create_subprocess_exec(&process, &options, "true"), 0);
    pid_t pid = async_process_pid(process);
    async_process_detach(process);
    while (kill(pid, 0) == 0)
        CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(errno, ESRCH);
    return 0;
}

LOOP_TEST(process_status_is_right_when_another_waiter_took_it)
{
    async_auto_wait_process *process = NULL;
    int status, taken;
    CHECK_EQ(async_create_subprocess_exec(&process, NULL, "sh", "-c", "exit 4"), 0);
    CHECK_EQ(waitpid(async_process_pid(process), &taken, 0), async_process_pid(process));
    status = async_process_wait(process);
    if (status == -ECHILD)
        test_skip("this kernel does not keep the status (Linux 6.15 does)");
    CHECK_EQ(status, taken);
    return 0;
}

LOOP_TEST(process_status_is_right_when_sigchld_is_ignored)
{
    signal(SIGCHLD, SIG_IGN);
    int status = run_shell(NULL, "exit 6");
    signal(SIGCHLD, SIG_DFL);
    if (status == -ECHILD)
        test_skip("this kernel does not keep the status (Linux 6.15 does)");
    CHECK_EQ(WEXITSTATUS(status), 6);
    return 0;
}

/* ---- text ----------------------------------------------------------------------------------- */

TEST(status_has_a_text)
{
    char text[64];
    CHECK_EQ(async_strstatus(0, text, sizeof text), 13);
    CHECK_STR(text, "exit status 0");
    async_strstatus(2 << 8, text, sizeof text);
    CHECK_STR(text, "exit status 2");
    async_strstatus(SIGSEGV | 0x80, text, sizeof text);
    CHECK_STR(text, "killed by SIGSEGV, core dumped");
    async_strstatus(40, text, sizeof text);
    CHECK_STR(text, "killed by signal 40");
    async_strstatus(-ECHILD, text, sizeof text);
    CHECK_STR(text, "-ECHILD: No child processes");
    CHECK_EQ(async_strstatus(0, NULL, 0), 13);
}

DEATH_TEST(process_that_is_null_dies, "async_process_pid: the process is NULL")
{
    async_ignore(async_process_pid(NULL));
}
