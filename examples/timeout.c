/*
 * timeout: runs a program for at most so many seconds.
 *
 *     timeout 10 make -j4
 *
 * Then the program and everything it has started are ended: SIGTERM, and SIGKILL five seconds
 * later. The exit status is the program's, 128 and the number of the signal that has ended it, 124
 * after the limit, or 127 if the program cannot be run. Ctrl-C ends the program as well.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { LIMIT_REACHED = 124, USAGE = 125, NOT_RUN = 127, KILLED = 128 };

static int run(double seconds, char *const *command)
{
    const async_process_options options = {.own_group = true};
    async_auto_wait_process *process = NULL; /* leaving the function ends it */
    int result = async_create_subprocess_execv(&process, &options, command);
    if (result < 0) {
        fprintf(stderr, "timeout: %s\n", async_strerror(result));
        return NOT_RUN;
    }
    int status = async_timeout(seconds, async_process_wait(process));
    if (status == -ETIMEDOUT)
        return LIMIT_REACHED;
    ASYNC_TRY(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}
async_fn(run, double, char *const *);

int main(int argc, char **argv)
{
    char *end = NULL;
    double seconds = argc > 2 ? strtod(argv[1], &end) : 0;
    if (argc < 3 || *end != 0) {
        fprintf(stderr, "usage: %s SECONDS PROGRAM [ARGUMENT...]\n", argv[0]);
        return USAGE;
    }
    int result = async_run(run, seconds, argv + 2);
    return result >= 0 ? result : KILLED + 2; /* Ctrl-C */
}
