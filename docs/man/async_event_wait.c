/*
 * async_event_wait.c: wait for an event
 *
 * Pages: async_event_wait async_event_set async_event_clear async_event_is_set
 * async_event
 */
#include <asyncio.h>
#include <stdio.h>

static async_event doors; /* {0} is not set */

static int shop(const char *name, double comes_after)
{
    ASYNC_TRY(async_sleep(comes_after));
    if (!async_event_is_set(&doors))
        printf("%s waits outside\n", name);
    ASYNC_TRY(async_event_wait(&doors)); /* does not wait if it is set */
    printf("%s is inside at %.0f\n", name, async_time());
    return 0;
}
async_fn(shop, const char *, double);

static int amain(void)
{
    async_task *shoppers[] = {async_create_task(shop, "Ada", 7),
                              async_create_task(shop, "Bob", 7.5),
                              async_create_task(shop, "Cleo", 12),
                              async_create_task(shop, "Dan", 19)};
    ASYNC_TRY(async_sleep(9));
    async_event_set(&doors); /* wakes all; later calls do not wait */
    ASYNC_TRY(async_sleep(9));
    async_event_clear(&doors);
    ASYNC_TRY(async_sleep(15));
    async_event_set(&doors);
    return async_gather_n(shoppers, 4, NULL, ASYNC_FIRST_ERROR);
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * Ada waits outside
 * Bob waits outside
 * Ada is inside at 9
 * Bob is inside at 9
 * Cleo is inside at 12
 * Dan waits outside
 * Dan is inside at 33
 */
