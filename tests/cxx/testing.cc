/* testing.cc: tests in C++ with libasyncio-test. Prints TAP; all pass. */
#include <asyncio/test.h>
#include <string>

static int sleep_a_second()
{
    return async_sleep(1);
}
async_fn(sleep_a_second);

ASYNC_TEST(checks_in_cxx)
{
    std::string text = "text";
    ASYNC_CHECK_EQ(ASYNC_MUST_SWITCH(async_sleep(1)), 0);
    ASYNC_CHECK_STR(text.c_str(), "text");
    return 0;
}

ASYNC_TEST_DEADLOCKS(deadlock_in_cxx)
{
    async_event event = {};
    return async_event_wait(&event);
}

ASYNC_TEST(sweep_in_cxx)
{
    ASYNC_CHECK(async_test_cancel_everywhere(nullptr, sleep_a_second) > 1);
    return 0;
}

ASYNC_TEST_MAIN
