/*
 * async_version.c: find the version of the library, and handle misuse
 *
 * Pages: async_version async_set_misuse_handler ASYNC_VERSION_MAJOR
 */
#include <asyncio.h>
#include <stdio.h>

/* Writes to the program's own log. */
static void write_to_log(const char *message, void *log)
{
    fprintf(log, "libasyncio %s: %s\n", async_version(), message);
    fflush(log);
}

int main(void)
{
    async_set_misuse_handler(write_to_log, stdout);
    puts(async_version());
    printf("compiled for %d.%d\n", ASYNC_VERSION_MAJOR, ASYNC_VERSION_MINOR);
    return 0;
}

/* Prints:
 * 0.1.0
 * compiled for 0.1
 */
