/*
 * async_fail.c: give an error a sentence, and read it
 *
 * Pages: async_fail async_fail_errno async_strerror async_strerror_copy
 */
#include <asyncio.h>
#include <stdio.h>

static int open_door(int number)
{
    if (number == 13)
        return async_fail(-ENOENT, "there is no door %d in this house", number);
    return number > 20
               ? -EACCES
               : 0; /* an error without a sentence has its plain meaning */
}
async_fn(open_door, int);

static int amain(void)
{
    int result = open_door(13);
    printf("%s\n", async_strerror(result));

    result = async_await(
        async_create_task(open_door, 13)); /* the sentence comes along */
    char text[64];
    int length = async_strerror_copy(
        result, text, sizeof text); /* for programs that run for months */
    printf("%s (%d letters)\n", text, length);

    printf("%s\n", async_strerror(open_door(21)));

    /* with the system's text behind the sentence */
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
 * -ENOENT: there is no door 13 in this house
 * -ENOENT: there is no door 13 in this house (42 letters)
 * -EACCES: Permission denied
 * -ENOTEMPTY: remove attic: Directory not empty
 */
