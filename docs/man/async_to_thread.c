/*
 * async_to_thread.c: call a blocking function on a worker thread
 *
 * Pages: async_to_thread async_run_in_executor
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

/* An ordinary function, which may block. */
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
    printf("%s\n", count > 0 ? "there are users" : "no users");

    async_executor *executor = NULL; /* the default executor */
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
