/*
 * ASYNC_CLEANUP.c: call a function when a block is left
 *
 * Pages: ASYNC_CLEANUP
 */
#include <asyncio.h>
#include <stdio.h>

/* Called with the address of the variable. */
static void close_file(FILE **file)
{
    if (*file == NULL)
        return;
    fclose(*file);
    puts("closed");
}

static int read_slowly(const char *path, double seconds)
{
    ASYNC_CLEANUP(close_file) FILE *file = fopen(path, "r");
    if (file == NULL)
        return async_fail_errno(-errno, "open %s", path);
    ASYNC_TRY(async_sleep(seconds)); /* also closes the file if this fails */
    return fgetc(file) == EOF ? 0 : 1;
}
async_fn(read_slowly, const char *, double);

static int amain(void)
{
    ASYNC_TRY(read_slowly("/dev/null", 0));
    int result = async_timeout(0.001, read_slowly("/dev/null", 3600));
    printf("%s\n", async_strerror(result));
    result = read_slowly("/no/such/file", 0);
    printf("%s\n", async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * closed
 * closed
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 * -ENOENT: open /no/such/file: No such file or directory
 */
