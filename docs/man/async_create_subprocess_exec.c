/*
 * async_create_subprocess_exec.c: start a program
 *
 * Pages: async_create_subprocess_exec async_create_subprocess_execv
 * async_create_subprocess_shell async_process_options
 * async_auto_wait_process
 */
#include <asyncio.h>
#include <stdio.h>

/* Waits for its end and prints how it ended. */
static int report(const char *name, async_process *process)
{
    char text[64];
    int status = async_process_wait(process);
    async_strstatus(status, text, sizeof text);
    printf("%s: %s\n", name, text);
    return status < 0 ? status : 0;
}

static int amain(void)
{
    async_auto_wait_process *list = NULL, *sort = NULL, *shell = NULL;

    async_process_options quiet = {.cwd = "/", .out = ASYNC_DEVNULL};
    ASYNC_TRY(async_create_subprocess_exec(&list, &quiet, "ls", "-l"));
    ASYNC_TRY(report("ls", list));

    char *const arguments[] = {"sort", "--no-such-option", NULL};
    async_process_options merged = {.out = ASYNC_PIPE, .err = ASYNC_STDOUT};
    ASYNC_TRY(async_create_subprocess_execv(&sort, &merged, arguments));
    ASYNC_TRY(report("sort", sort));

    char *const env[] = {"PATH=/usr/bin:/bin", "STATUS=7", NULL};
    async_process_options own = {.env = env, .own_group = true};
    ASYNC_TRY(async_create_subprocess_shell(&shell, &own, "exit $STATUS"));
    ASYNC_TRY(report("shell", shell));

    async_process *missing;
    int result = async_create_subprocess_exec(&missing, NULL, "/no/such");
    printf("%s\n", async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * ls: exit status 0
 * sort: exit status 2
 * shell: exit status 7
 * -ENOENT: run /no/such: No such file or directory
 */
