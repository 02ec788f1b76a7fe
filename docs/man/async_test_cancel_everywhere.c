/*
 * async_test_cancel_everywhere.c: cancel a coroutine at each of its stops
 *
 * Pages: async_test_cancel_everywhere async_test_fail_allocations
 */
#include <asyncio/test.h>

/* Without async_auto_queue, a cancelled sleep would leave the queue. */
static int pass_an_item(void)
{
    async_auto_queue *queue = NULL;
    int item = 7;
    ASYNC_TRY(async_queue_new(&queue, 1, sizeof item));
    ASYNC_TRY(async_queue_put(queue, &item));
    ASYNC_TRY(async_sleep(1));
    return async_queue_get(queue, &item);
}
async_fn(pass_an_item);

ASYNC_TEST(queue_is_freed_always)
{
    ASYNC_CHECK(async_test_cancel_everywhere(NULL, pass_an_item) > 1);
    ASYNC_CHECK(async_test_fail_allocations(NULL, pass_an_item) > 1);
    return 0;
}

ASYNC_TEST_MAIN

/* Prints:
 * TAP version 13
 * 1..1
 * ok 1 - queue_is_freed_always
 */
