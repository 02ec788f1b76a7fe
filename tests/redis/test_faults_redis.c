/*
 * test_faults_redis.c: a program for tests/scripts/faults.py (see test_faults.c) with the Redis
 * client and a server in a task: replies come, or an error does; no descriptor and no byte is left.
 */
#include "faults/fault_test.h"
#include "redis/fake_redis.h"

static struct fake_redis fake;

/* An answer may fail to come, or a connection to be made again. */
static const double LONG_ENOUGH = 0.5;

static int use_batch(async_redis *redis)
{
    async_auto_redis_batch *batch = NULL;
    async_auto_redis_reply *reply = NULL;
    ASYNC_TRY(async_redis_batch_new(&batch));
    ASYNC_TRY(async_redis_batch_add(batch, "SET a 1"));
    ASYNC_TRY(async_redis_pipeline(redis, &reply, batch));
    CHECK_EQ(async_redis_reply_size(reply), 1);
    return 0;
}

static int use_client(void)
{
    async_auto_wait_redis *redis = NULL;
    async_auto_redis_reply *reply = NULL;
    const char *text;
    ASYNC_TRY(async_redis_connect(&redis, fake.url, NULL));
    ASYNC_TRY(async_redis_command(redis, &reply, "GET a"));
    CHECK_EQ(async_redis_reply_text(reply, &text), 2);
    CHECK_STR(text, "OK");
    ASYNC_TRY(async_redis_blocking_command(redis, NULL, "BLPOP a 0"));
    ASYNC_TRY(use_batch(redis));
    return fake_subscribe(redis);
}

FAULTS_TEST(a_redis_client_gets_replies_or_says_why_not)
{
    if (answer(fake_try_open(&fake)) < 0)
        return 0;
    int result = async_timeout(LONG_ENOUGH, use_client());
    if (result != -ETIMEDOUT)
        answer(result);
    fake_close(&fake);
    return 0;
}
