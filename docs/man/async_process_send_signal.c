/*
 * async_process_send_signal.c: send a signal to a process or to its group
 *
 * Pages: async_process_send_signal async_process_send_signal_group
 * async_process_terminate async_process_kill
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>

static int report(async_process *process)
{
    char text[64];
    async_strstatus(async_process_wait(process), text, sizeof text);
    puts(text);
    return 0;
}

static int amain(void)
{
    async_auto_wait_process *first = NULL, *second = NULL, *third = NULL;
    async_auto_wait_process *group = NULL;
    ASYNC_TRY(async_create_subprocess_exec(&first, NULL, "sleep", "1000"));
    ASYNC_TRY(async_create_subprocess_exec(&second, NULL, "sleep", "1000"));
    ASYNC_TRY(async_create_subprocess_exec(&third, NULL, "sleep", "1000"));
    ASYNC_TRY(async_process_terminate(first));
    ASYNC_TRY(async_process_kill(second));
    ASYNC_TRY(async_process_send_signal(third, SIGHUP));
    ASYNC_TRY(report(first));
    ASYNC_TRY(report(second));
    ASYNC_TRY(report(third));

    /* The shell and the program that it has started. */
    async_process_options options = {.own_group = true};
    ASYNC_TRY(async_create_subprocess_shell(&group, &options,
                                            "sleep 1000 & sleep 1000"));
    ASYNC_TRY(async_process_send_signal_group(group, SIGTERM));
    return report(group);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * killed by SIGTERM
 * killed by SIGKILL
 * killed by SIGHUP
 * killed by SIGTERM
 */
