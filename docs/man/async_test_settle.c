/*
 * async_test_settle.c: let a test decide when time passes
 *
 * Pages: async_test_settle async_test_advance async_test_next
 */
#include <asyncio/test.h>

static int ring(int *rings)
{
    for (;;) {
        ASYNC_TRY(async_sleep(10));
        ++*rings;
    }
}
async_fn(ring, int *);

ASYNC_TEST_WITH(bell_rings_every_ten_seconds, .clock = ASYNC_TEST_STANDS)
{
    int rings = 0;
    async_task *bell = async_create_task(ring, &rings);
    ASYNC_CHECK_EQ(async_test_settle(), 0); /* it sleeps now */
    ASYNC_CHECK_EQ(async_test_advance(9.9), 0);
    ASYNC_CHECK_EQ(rings, 0);
    ASYNC_CHECK(async_test_next() == 10);
    ASYNC_CHECK_EQ(rings, 1);
    ASYNC_CHECK_EQ(async_test_advance(100), 0);
    ASYNC_CHECK_EQ(rings, 11);
    async_task_cancel(bell);
    return async_await(bell) == -ECANCELED ? 0 : -EIO;
}

ASYNC_TEST_MAIN

/* Prints:
 * TAP version 13
 * 1..1
 * ok 1 - bell_rings_every_ten_seconds
 */
