/*
 * async_redis_eval.c: run a script in Redis
 *
 * Pages: async_redis_eval async_redis_script
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <stdio.h>
#include <redis_server.h> /* examples/redis_server.c */

/* Takes so many, or none. Nothing is executed between its commands. */
static async_redis_script take = {
    .text = "local left = tonumber(redis.call('GET', KEYS[1]) or 0)\n"
            "if left < tonumber(ARGV[1]) then\n"
            "    return redis.error_reply('SOLD there are ' .. left)\n"
            "end\n"
            "return redis.call('DECRBY', KEYS[1], ARGV[1])"};

static int buy(async_redis *redis, const char *product, int count)
{
    async_auto_redis_reply *reply = NULL;
    int64_t left;
    int result = async_redis_eval(redis, &reply, &take, "1 %s %d", product,
                                  count);
    if (result == -EREMOTEIO)
        return puts(async_strerror(result));
    ASYNC_TRY(result);
    ASYNC_TRY(async_redis_reply_integer(reply, &left));
    return printf("%d sold, %lld left\n", count, (long long)left);
}

static int amain(void)
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));
    ASYNC_TRY(async_redis_command(redis, NULL, "SET tea 5"));
    ASYNC_TRY(buy(redis, "tea", 3));
    ASYNC_TRY(buy(redis, "tea", 3));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 3 sold, 2 left
 * -EREMOTEIO: EVALSHA: SOLD there are 2
 */
