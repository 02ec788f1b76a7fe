/*
 * async_redis_pipeline.c: send several commands to Redis together
 *
 * Pages: async_redis_pipeline async_redis_transaction async_redis_batch
 * async_redis_batch_new async_redis_batch_add async_redis_batch_free
 * async_auto_redis_batch
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <stdio.h>
#include <redis_server.h> /* examples/redis_server.c */

static int visit(async_redis *redis)
{
    async_auto_redis_batch *batch = NULL;
    async_auto_redis_reply *reply = NULL;
    ASYNC_TRY(async_redis_batch_new(&batch));
    for (int page = 1; page <= 3; page++)
        ASYNC_TRY(async_redis_batch_add(batch, "INCRBY page:%d 10", page));
    ASYNC_TRY(async_redis_batch_add(batch, "LPUSH page:1 x"));
    ASYNC_TRY(async_redis_pipeline(redis, &reply, batch));
    for (size_t i = 0; i < async_redis_reply_size(reply); i++) {
        int64_t visits;
        int result = async_redis_reply_integer(async_redis_reply_at(reply, i),
                                               &visits);
        if (result < 0)
            puts(async_strerror(result));
        else
            printf("%lld visits\n", (long long)visits);
    }
    return 0;
}

/* Other clients see the money on one of the accounts, never on none. */
static int transfer(async_redis *redis, int amount, const char *command)
{
    async_redis_batch *batch;
    async_redis_reply *reply = NULL;
    ASYNC_TRY(async_redis_batch_new(&batch));
    int result = async_redis_batch_add(batch, "DECRBY account:1 %d", amount);
    if (result == 0)
        result = async_redis_batch_add(batch, "%s account:2 %d", command,
                                       amount);
    if (result == 0)
        result = async_redis_transaction(redis, &reply, batch);
    puts(result < 0 ? async_strerror(result) : "transferred");
    async_redis_reply_free(reply);
    async_redis_batch_free(batch); /* or an async_auto_redis_batch, as above */
    return 0;
}

static int amain(void)
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));
    ASYNC_TRY(visit(redis));
    ASYNC_TRY(transfer(redis, 50, "INCRBY"));
    return transfer(redis, 50, "INCR"); /* refused: nothing is executed */
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 10 visits
 * 10 visits
 * 10 visits
 * -EREMOTEIO: WRONGTYPE Operation against a key holding the wrong kind of value
 * transferred
 * -EREMOTEIO: the transaction: ERR wrong number of arguments for 'incr' command
 */
