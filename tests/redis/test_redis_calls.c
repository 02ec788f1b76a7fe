/*
 * test_redis_calls.c: the client of Redis and a server in a task of the test, with each system call
 * of theirs failing in turn, and cancelled at each stop: replies come, or an error does, and
 * nothing is left. Sweeps of libasyncio-test; make faults does the same at the sites of the library
 * itself.
 */
#include "redis/fake_redis.h"

#include <asyncio/test.h>

static struct fake_redis fake;

static int ask(void)
{
    async_auto_wait_redis *redis = NULL;
    async_auto_redis_reply *reply = NULL;
    const char *text;
    ASYNC_TRY(async_redis_connect(&redis, fake.url, NULL));
    ASYNC_TRY(async_redis_command(redis, &reply, "GET a"));
    ASYNC_CHECK_EQ(async_redis_reply_text(reply, &text), 2);
    ASYNC_CHECK_STR(text, "OK");
    return 0;
}

/* A reply that never comes is not waited for longer. */
static int ask_server(void)
{
    ASYNC_TRY(fake_try_open(&fake));
    int result = async_timeout(0.5, ask());
    fake_close(&fake);
    return result;
}
async_fn(ask_server);

TEST(redis_client_survives_each_failed_system_call)
{
    int calls = async_test_fail_system_calls(NULL, ask_server);
    if (calls == -EOPNOTSUPP)
        test_skip("system calls cannot be made to fail here");
    CHECK(calls > 15);
}

TEST(redis_client_is_cancelled_at_each_stop)
{
    CHECK(async_test_cancel_everywhere(NULL, ask_server) > 3);
}
