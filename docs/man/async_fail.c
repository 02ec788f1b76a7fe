/*
 * async_fail.c: attach an error message to an error, and read it
 *
 * Pages: async_fail async_fail_errno async_strerror async_strerror_copy
 */
#include <asyncio.h>
#include <stdio.h>

static int open_door(int number)
{
    if (number == 13)
        return async_fail(-ENOENT, "there is no door %d", number);
    return number > 20 ? -EACCES : 0; /* without an error message */
}
async_fn(open_door, int);

static int amain(void)
{
    int result = open_door(13);
    printf("%s\n", async_strerror(result));

    /* the error message comes with the result */
    result = async_await(async_create_task(open_door, 13));
    char text[64];
    /* for programs that log errors for a long time */
    int length = async_strerror_copy(result, text, sizeof text);
    printf("%s (%d bytes)\n", text, length);

    printf("%s\n", async_strerror(open_door(21)));

    /* with the system's text at the end */
    result = async_fail_errno(-ENOTEMPTY, "remove %s", "attic");
    printf("%s\n", async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * -ENOENT: there is no door 13
 * -ENOENT: there is no door 13 (28 bytes)
 * -EACCES: Permission denied
 * -ENOTEMPTY: remove attic: Directory not empty
 */
