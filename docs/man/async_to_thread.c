/*
 * async_to_thread.c: call a function that blocks, without blocking the others
 *
 * Pages: async_to_thread async_run_in_executor
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

/* An ordinary function, which blocks while it reads and never switches. */
static int count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return async_fail(-errno, "%s: %s", path, strerror(errno));
    int count = 0;
    for (int letter; (letter = getc(file)) != EOF;)
        count += letter == '\n';
    fclose(file);
    return count;
}
async_fn(count_lines, const char *);

static int amain(void)
{
    int count = async_to_thread(count_lines, "/etc/passwd");
    printf("%s\n", count > 0 ? "there are users" : "nobody?");

    async_executor
        *executor = NULL; /* the same threads; see async_executor_new */
    count = async_run_in_executor(executor, count_lines, "/no/such/file");
    printf("%s\n", async_strerror(count));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * there are users
 * -ENOENT: /no/such/file: No such file or directory
 */
