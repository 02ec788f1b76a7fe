/*
 * test_faults_redis.c: a program for tests/scripts/faults.py (see test_faults.c) with the Redis
 * client, a queue and a server in a task: replies come, or an error does; no descriptor and no byte
 * is left.
 */
#include "faults/fault_test.h"
#include "redis/fake_queue.h"

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

static int use_queue(void)
{
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, fake.url, NULL));
    return fake_use_queue(redis);
}

static void use_server(int (*use)(void),
                       int (*answer_command)(async_stream *, const async_redis_reply *))
{
    fake.answer = answer_command;
    if (answer(fake_try_open(&fake)) < 0)
        return;
    int result = async_timeout(LONG_ENOUGH, use());
    if (result != -ETIMEDOUT)
        answer(result);
    fake_close(&fake);
}

FAULTS_TEST(a_redis_client_gets_replies_or_says_why_not)
{
    use_server(use_client, fake_answer);
    return 0;
}

/* Not for every failure in turn: the end of a queue waits for Redis, up to 2 s each time. */
LOOP_TEST(redis_queue_in_a_server_of_the_test_works)
{
    use_server(use_queue, fake_answer_queue);
    return 0;
}
