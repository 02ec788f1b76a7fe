/*
 * shell.h: for tests of processes: programs with pipes to all three standard streams, run by
 * /bin/sh, and tests that must not be root.
 */
#ifndef TEST_PROC_SHELL_H
#define TEST_PROC_SHELL_H

#include "run/runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const async_process_options all_pipes = {
    .in = ASYNC_PIPE, .out = ASYNC_PIPE, .err = ASYNC_PIPE};

/* The caller frees the process. */
static inline async_process *start_shell(const async_process_options *options, const char *command)
{
    async_process *process;
    CHECK_EQ(async_create_subprocess_shell(&process, options, command), 0);
    return process;
}

/*
 * A command that has two parts: the second one begins when *gate is closed, so the test does not
 * depend on the speed of the machine. The caller frees the process and closes *gate.
 */
static inline async_process *start_gated_shell(int *gate, const char *first, const char *second)
{
    int ends[2];
    char command[256];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    async_process_options options = all_pipes;
    options.keep_fds = &ends[0];
    options.keep_fd_count = 1;
    snprintf(command, sizeof command, "%s; read line </proc/self/fd/%d; %s", first, ends[0],
             second);
    async_process *process = start_shell(&options, command);
    close(ends[0]);
    *gate = ends[1];
    return process;
}

/* Returns the status of the command, or an error. */
static inline int run_shell(const async_process_options *options, const char *command)
{
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(async_create_subprocess_shell(&process, options, command));
    return async_process_wait(process);
}

/* For a program whose argv[0] is not its own name. */
static inline void skip_with_busybox(void)
{
    char target[64] = "";
    if (readlink("/bin/sh", target, sizeof target - 1) > 0 && strstr(target, "busybox") != NULL)
        test_skip("busybox takes argv[0] for the program");
}

/* Only root can become another user. */
static inline bool become_user(uid_t user)
{
    if (setresuid(user, user, user) != 0)
        return false;
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0); /* for LeakSanitizer, which traces the process */
    return true;
}

#endif
