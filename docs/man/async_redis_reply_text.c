/*
 * async_redis_reply_text.c: read the reply of a command to Redis
 *
 * Pages: async_redis_reply_text async_redis_reply_integer
 * async_redis_reply_double async_redis_reply_type async_redis_reply_size
 * async_redis_reply_at async_redis_reply_get async_redis_reply_free
 * async_auto_redis_reply async_redis_reply async_redis_type
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <stdio.h>
#include <redis_server.h> /* examples/redis_server.c */

/* A value, or a missing one: both are usual, other errors are not. */
static int look_up(async_redis *redis, const char *key)
{
    async_auto_redis_reply *reply = NULL;
    const char *text;
    ASYNC_TRY(async_redis_command(redis, &reply, "GET %s", key));
    int length = async_redis_reply_text(reply, &text);
    if (length == -ENOENT)
        return printf("%s: there is none\n", key);
    ASYNC_TRY(length);
    return printf("%s: %d bytes, %s\n", key, length, text);
}

/* Fields by their names. */
static int show_product(async_redis *redis, const char *key)
{
    async_auto_redis_reply *reply = NULL;
    int64_t count;
    double price;
    ASYNC_TRY(async_redis_command(redis, &reply, "HGETALL %s", key));
    ASYNC_TRY(async_redis_reply_integer(async_redis_reply_get(reply, "count"),
                                        &count));
    ASYNC_TRY(async_redis_reply_double(async_redis_reply_get(reply, "price"),
                                       &price));
    return printf("%lld for %.2f\n", (long long)count, price);
}

/* A reply of any type. */
static int print(const async_redis_reply *reply, int depth)
{
    const char *text;
    int64_t integer;
    switch (async_redis_reply_type(reply)) {
    case ASYNC_REDIS_INTEGER:
        ASYNC_TRY(async_redis_reply_integer(reply, &integer));
        return printf("%*s%lld\n", depth, "", (long long)integer);
    case ASYNC_REDIS_ARRAY:
        printf("%*sarray of %zu\n", depth, "", async_redis_reply_size(reply));
        for (size_t i = 0; i < async_redis_reply_size(reply); i++)
            ASYNC_TRY(print(async_redis_reply_at(reply, i), depth + 2));
        return 0;
    case ASYNC_REDIS_NIL:
        return printf("%*snil\n", depth, "");
    default:
        ASYNC_TRY(async_redis_reply_text(reply, &text));
        return printf("%*s\"%s\"\n", depth, "", text);
    }
}

static int amain(void)
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));

    ASYNC_TRY(async_redis_command(redis, NULL, "SET tea green"));
    ASYNC_TRY(look_up(redis, "tea"));
    ASYNC_TRY(look_up(redis, "cake"));
    ASYNC_TRY(async_redis_command(redis, NULL, "HSET cup count 3 price 2.5"));
    ASYNC_TRY(show_product(redis, "cup"));

    async_redis_reply *reply;
    ASYNC_TRY(async_redis_command(redis, &reply, "EVAL %s 0",
                                  "return {1, 'two', {false}}"));
    int result = print(reply, 0);
    async_redis_reply_free(reply); /* or an async_auto_redis_reply, as above */
    return result < 0 ? result : 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * tea: 5 bytes, green
 * cake: there is none
 * 3 for 2.50
 * array of 3
 *   1
 *   "two"
 *   array of 1
 *     nil
 */
