/*
 * async_gather.c: wait for several tasks at once
 *
 * Pages: async_gather async_gather_n async_gather_mode
 */
#include <asyncio.h>
#include <stdio.h>

static int square(int number)
{
    ASYNC_TRY(async_sleep(1));
    return number < 10 ? number * number
                       : async_fail(-EDOM, "%d is too large", number);
}
async_fn(square, int);

static int amain(void)
{
    /* All of them, or the first error. */
    int result = async_gather(async_create_task(square, 2),
                              async_create_task(square, 30));
    printf("%s\n", async_strerror(result));

    /* An array of tasks; errors are stored in results. */
    async_task *tasks[5];
    int results[5];
    for (int i = 0; i < 5; i++)
        tasks[i] = async_create_task(square, i * 3);
    ASYNC_TRY(async_gather_n(tasks, 5, results, ASYNC_RETURN_EXCEPTIONS));
    for (int i = 0; i < 5; i++)
        printf("%d%c", results[i] < 0 ? -1 : results[i], i < 4 ? ' ' : '\n');
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * -EDOM: 30 is too large
 * 0 9 36 81 -1
 */
