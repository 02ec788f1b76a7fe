/*
 * async_run_process.c: run a program until its end
 *
 * Pages: async_run_process async_run_processv
 */
#include <asyncio.h>
#include <stdio.h>

static int amain(void)
{
    async_auto_output output = {0};
    ASYNC_TRY(async_run_process(NULL, &output, "echo", "some", "words"));
    printf("%zu bytes: %s", output.out_size, output.out);

    /* Its error output becomes a part of the message. */
    async_process_options options = {.err = ASYNC_PIPE};
    char *const command[] = {"sh", "-c", "echo no luck >&2; exit 3", NULL};
    async_auto_output errors = {0};
    int result = async_run_processv(&options, &errors, command);
    printf("%s\n", async_strerror(result));
    printf("%s", errors.err);

    /* With a limit; the program is ended then. */
    result = async_timeout(0.01, async_run_process(NULL, NULL, "sleep", "99"));
    printf("%s\n", async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 11 bytes: some words
 * -ECHILD: sh -c echo no luck >&2; exit 3: exit status 3: no luck
 * no luck
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 */
