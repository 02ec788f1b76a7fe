/*
 * async_redis_connect.c: connect to Redis
 *
 * Pages: async_redis_connect async_redis_free_wait async_auto_wait_redis
 * async_redis async_redis_options
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <stdio.h>
#include <redis_server.h> /* examples/redis_server.c */

/* Called by the client. It may not wait, but it may wake a task. */
static void note_change(async_redis *redis, int error, void *context)
{
    (void)redis;
    if (error == 0)
        async_event_set(context);
    else
        puts(async_strerror(error));
}

/* What an operator may do at any time. */
static int cut_all_connections(const char *url)
{
    async_redis *redis;
    ASYNC_TRY(async_redis_connect(&redis, url, NULL));
    int result = async_redis_command(redis, NULL, "CLIENT KILL TYPE normal");
    async_redis_free_wait(redis);
    return result;
}

static int amain(void)
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));

    async_event is_back = {0};
    async_redis_options options = {.name = "shop",
                                   .database = 2,
                                   .on_change = note_change,
                                   .context = &is_back};
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, &options));
    ASYNC_TRY(async_redis_command(redis, NULL, "SET tea 5"));

    ASYNC_TRY(cut_all_connections(server.url));
    ASYNC_TRY(async_event_wait(&is_back));
    ASYNC_TRY(async_redis_command(redis, NULL, "INCR tea"));
    puts("connected again");

    async_redis *wrong;
    int result = async_redis_connect(&wrong, "redis://localhost:many", NULL);
    puts(async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * -ECONNRESET: the Redis server has closed the connection
 * connected again
 * -EINVAL: the URL of a Redis server: the port is not a number from 1 to 65535
 */
