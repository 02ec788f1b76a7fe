/*
 * ASYNC_TEST.c: tests that are coroutines, on a virtual clock
 *
 * Pages: ASYNC_TEST ASYNC_TEST_WITH ASYNC_TEST_DEADLOCKS ASYNC_TEST_MAIN
 * async_test_skip
 */
#include <asyncio/test.h>
#include <unistd.h>

/* An hour passes at once. */
ASYNC_TEST(sleep_takes_an_hour)
{
    ASYNC_CHECK_EQ(async_sleep(3600), 0);
    ASYNC_CHECK(async_time() == 3600);
    return 0;
}

ASYNC_TEST_WITH(real_time_passes, .clock = ASYNC_TEST_REAL, .time_limit = 5)
{
    return async_sleep(0.01);
}

ASYNC_TEST_DEADLOCKS(event_is_never_set)
{
    async_event event = {0};
    return async_event_wait(&event);
}

ASYNC_TEST(needs_a_file)
{
    if (access("/no/such/file", R_OK) < 0)
        async_test_skip("there is no such file");
    return 0;
}

ASYNC_TEST_MAIN

/* Prints:
 * TAP version 13
 * 1..4
 * ok 1 - sleep_takes_an_hour
 * ok 2 - real_time_passes
 * ok 3 - event_is_never_set
 * ok 4 - needs_a_file # SKIP there is no such file
 */
