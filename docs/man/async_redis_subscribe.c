/*
 * async_redis_subscribe.c: receive the messages of channels of Redis
 *
 * Pages: async_redis_subscribe async_redis_psubscribe async_redis_unsubscribe
 * async_redis_subscription async_redis_message async_redis_message_free
 * async_redis_message_drop
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <stdio.h>
#include <redis_server.h> /* examples/redis_server.c */

static int print_next(async_queue *queue)
{
    async_redis_message *message;
    ASYNC_TRY(async_queue_get(queue, &message));
    if (message->channel == NULL)
        puts("messages may be missing");
    else
        printf("%s: %s (%s)\n", message->channel, message->payload,
               message->pattern != NULL ? message->pattern : "by its name");
    async_redis_message_free(message);
    return 0;
}

static int listen_to_news(async_redis *redis, async_queue *queue)
{
    ASYNC_TRY(async_redis_command(redis, NULL, "PUBLISH news.tea %s", "green"));
    ASYNC_TRY(print_next(queue));
    ASYNC_TRY(print_next(queue));
    ASYNC_TRY(async_redis_command(redis, NULL, "CLIENT KILL TYPE pubsub"));
    return print_next(queue);
}

static int run(async_redis *redis, async_queue *queue)
{
    async_redis_subscription *tea, *all;
    ASYNC_TRY(async_redis_subscribe(&tea, redis, queue, "news.tea"));
    int result = async_redis_psubscribe(&all, redis, queue, "news.*");
    if (result == 0)
        result = listen_to_news(redis, queue);
    async_redis_unsubscribe(all);
    async_redis_unsubscribe(tea);
    return result;
}

static int amain(void)
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 100, sizeof(async_redis_message *)));
    async_queue_on_drop(queue, async_redis_message_drop, NULL);
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));
    return run(redis, queue);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * news.tea: green (by its name)
 * news.tea: green (news.*)
 * messages may be missing
 */
