/*
 * async_process_stdin.c: write to and read from the pipes of a process
 *
 * Pages: async_process_stdin async_process_stdout async_process_stderr
 */
#include <asyncio.h>
#include <stdio.h>

/* Writes one line and reads one line. */
static int ask(async_process *process, const char *question)
{
    char answer[64];
    async_stream_printf(async_process_stdin(process), "%s\n", question);
    ASYNC_TRY(async_stream_drain(async_process_stdin(process)));
    ASYNC_TRY(async_stream_readline(async_process_stdout(process), answer,
                                    sizeof answer));
    fputs(answer, stdout);
    return 0;
}

static int amain(void)
{
    static const char script[] =
        "while read a b; do echo $((a + b)); done; echo bye >&2";
    async_process_options options = {
        .in = ASYNC_PIPE, .out = ASYNC_PIPE, .err = ASYNC_PIPE};
    async_auto_wait_process *process = NULL;
    ASYNC_TRY(async_create_subprocess_shell(&process, &options, script));
    ASYNC_TRY(ask(process, "1 2"));
    ASYNC_TRY(ask(process, "30 40"));

    async_stream_close(async_process_stdin(process)); /* the end of its input */
    char last[64];
    ASYNC_TRY(async_stream_readline(async_process_stderr(process), last,
                                    sizeof last));
    fputs(last, stdout);
    return async_process_wait(process);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 3
 * 70
 * bye
 */
