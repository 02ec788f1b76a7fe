/*
 * async_process_wait.c: wait for the end of a process, and ask for its status
 *
 * Pages: async_process_wait async_process_returncode async_strstatus
 * async_process_pid async_process_fd
 */
#include <asyncio.h>
#include <stdio.h>
#include <sys/wait.h>

static int amain(void)
{
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(async_create_subprocess_exec(&process, NULL, "sleep", "1000"));
    printf("it has a process id: %d\n", async_process_pid(process) > 0);
    printf("and a pidfd: %d\n", async_process_fd(process) >= 0);

    int result = async_timeout(0.01, async_process_wait(process));
    printf("%s\n", async_strerror(result));
    if (async_process_returncode(process) == -EINPROGRESS)
        puts("it runs on");

    char text[64];
    ASYNC_TRY(async_process_kill(process));
    int status = async_process_wait(process);
    async_strstatus(status, text, sizeof text);
    printf("%s\n", text);
    if (status >= 0 && WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * it has a process id: 1
 * and a pidfd: 1
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 * it runs on
 * killed by SIGKILL
 * signal 9
 */
