/*
 * test_redis_memory.c: each allocation of the Redis client is made to fail in turn. A call then
 * returns -ENOMEM or succeeds, the client goes on, and nothing is left.
 */
#include "redis/fake_queue.h"
#include <stdlib.h>
#include <string.h>

static struct fake_redis fake;
static long allowed; /* blocks; negative: no limit */

static void *give_as_allowed(void *block, size_t size)
{
    if (allowed == 0)
        return NULL;
    allowed -= allowed > 0;
    return realloc(block, size);
}

/* A connection may end for the want of memory; while there is none, the client connects in vain. */
static bool is_due(int result)
{
    return result == -ENOMEM || result == -ECONNRESET || result == -ETIMEDOUT;
}

static int answer_with_much(async_stream *stream, const async_redis_reply *command)
{
    static char text[40000];
    if (strcmp(fake_word(command, 0), "GET") != 0)
        return fake_answer(stream, command);
    memset(text, 'x', sizeof text - 1);
    return async_stream_printf(stream, "*3\r\n*1\r\n:1\r\n$%zu\r\n%s\r\n%%1\r\n+a\r\n+b\r\n",
                               strlen(text), text);
}

static int use_batch(async_redis *redis)
{
    async_auto_redis_batch *batch = NULL;
    async_auto_redis_reply *reply = NULL, *other = NULL;
    ASYNC_TRY(async_redis_batch_new(&batch));
    for (int i = 0; i < 20; i++)
        ASYNC_TRY(async_redis_batch_add(batch, "SET %s %d", "a rather long key of this test", i));
    ASYNC_TRY(async_redis_pipeline(redis, &reply, batch));
    return async_redis_transaction(redis, &other, batch);
}

static int use_client(async_redis *redis)
{
    static async_redis_script script;
    async_auto_redis_reply *reply = NULL;
    script = (async_redis_script){.text = "return 1"};
    ASYNC_TRY(async_redis_command(redis, &reply, "GET a"));
    ASYNC_TRY(async_redis_blocking_command(redis, NULL, "BLPOP a 0"));
    ASYNC_TRY(async_redis_eval(redis, NULL, &script, "0"));
    ASYNC_TRY(use_batch(redis));
    return fake_subscribe(redis);
}

/* The server, too, may have ended the connection for the want of memory. */
static void check_goes_on(async_redis *redis)
{
    int result = async_redis_command(redis, NULL, "SET a 1");
    if (result == -ECONNRESET)
        result = async_redis_command(redis, NULL, "SET a 1");
    CHECK_EQ(result, 0);
}

static int use_all(int (*use)(async_redis *redis))
{
    const async_redis_options options = {
        .user = "me", .password = "secret", .name = "tester", .longest_pause = 0.01};
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, fake.url, &options));
    int result = async_timeout(0.05, use(redis));
    allowed = -1;
    if (result < 0)
        check_goes_on(redis);
    return result;
}

/* With one block more each time, until all succeeds. */
static void check_each_allocation(int (*use)(async_redis *redis),
                                  int (*answer)(async_stream *, const async_redis_reply *))
{
    int result = -ENOMEM;
    long blocks = 0;
    fake.answer = answer;
    fake_open(&fake);
    redisp_realloc = give_as_allowed;
    for (; result < 0; blocks++) {
        CHECK(blocks < 500);
        allowed = blocks;
        result = use_all(use);
        allowed = -1;
        CHECK(result == 0 || is_due(result));
    }
    CHECK(blocks > 20);
    redisp_realloc = realloc;
    fake_close(&fake);
}

LOOP_TEST(redis_without_memory_fails_and_goes_on)
{
    check_each_allocation(use_client, answer_with_much);
    return 0;
}

LOOP_TEST(redis_queue_without_memory_fails_and_goes_on)
{
    check_each_allocation(fake_use_queue, fake_answer_queue);
    return 0;
}
