/*
 * async_as_completed.c: iterate over tasks in the order in which they end
 *
 * Pages: async_as_completed async_completion_next async_completion_end
 * async_completion async_auto_completion
 */
#include <asyncio.h>
#include <stdio.h>

static int cook(int minutes)
{
    ASYNC_TRY(async_sleep(minutes * 60));
    return minutes;
}
async_fn(cook, int);

static int serve(async_task *dishes[], size_t count)
{
    async_auto_completion served = {0}; /* ended on every way out */
    ASYNC_TRY(async_as_completed(&served, dishes, count, ASYNC_FOREVER));
    int i;
    while ((i = async_completion_next(&served)) >= 0)
        printf("dish %d after %d minutes\n", i, async_await(dishes[i]));
    return i == -ENODATA ? 0 : i;
}

/* Waits for a limited time; the tasks continue, their handles are kept. */
static int first_within(async_task *dishes[], size_t count, double seconds)
{
    async_completion served;
    ASYNC_TRY(async_as_completed(&served, dishes, count, seconds));
    int first = async_completion_next(&served);
    async_completion_end(&served);
    return first;
}

static int amain(void)
{
    async_task *slow[] = {async_create_task(cook, 90),
                          async_create_task(cook, 60)};
    async_task *quick[] = {async_create_task(cook, 25),
                           async_create_task(cook, 8),
                           async_create_task(cook, 12)};
    ASYNC_TRY(serve(quick, 3));
    printf("%s\n", async_strerror(first_within(slow, 2, 5 * 60)));
    return serve(slow, 2);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * dish 1 after 8 minutes
 * dish 2 after 12 minutes
 * dish 0 after 25 minutes
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 * dish 1 after 60 minutes
 * dish 0 after 90 minutes
 */
