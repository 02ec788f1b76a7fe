/*
 * async_process_stop.c: end a process, or let it run on
 *
 * Pages: async_process_stop async_process_free_wait async_process_detach
 */
#include <asyncio.h>
#include <stdio.h>

static const async_process_options pipe_out = {.out = ASYNC_PIPE};

/* Starts a shell and waits until it has run the first command. */
static int start(async_process **process, const char *command)
{
    char line[16];
    ASYNC_TRY(async_create_subprocess_shell(process, &pipe_out, command));
    return async_stream_readline(async_process_stdout(*process), line,
                                 sizeof line);
}

static int stop(const char *command)
{
    char text[64];
    async_process *process;
    ASYNC_TRY(start(&process, command));
    int status = async_process_stop(process, 0.2); /* seconds until SIGKILL */
    async_strstatus(status, text, sizeof text);
    puts(text);
    async_process_free_wait(process);
    return 0;
}

static int amain(void)
{
    static const char forever[] = "while :; do sleep 0.01; done";
    char obeys[128], ignores[128];
    snprintf(obeys, sizeof obeys, "trap 'exit 5' TERM; echo; %s", forever);
    snprintf(ignores, sizeof ignores, "trap '' TERM; echo; %s", forever);
    ASYNC_TRY(stop(obeys));
    ASYNC_TRY(stop(ignores));

    async_process *process;
    ASYNC_TRY(async_create_subprocess_exec(&process, NULL, "true"));
    async_process_detach(process); /* it leaves no zombie */
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * exit status 5
 * killed by SIGKILL
 */
