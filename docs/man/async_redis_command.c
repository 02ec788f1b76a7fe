/*
 * async_redis_command.c: send a command to Redis
 *
 * Pages: async_redis_command async_redis_vcommand async_redis_command_words
 * async_redis_blocking_command
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <stdio.h>
#include <string.h>
#include <redis_server.h> /* examples/redis_server.c */

/* Prints an error with the command's name and Redis's sentence. */
static void attempt(async_redis *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = async_redis_vcommand(redis, NULL, format, arguments);
    va_end(arguments);
    puts(result < 0 ? async_strerror(result) : "done");
}

/* DEL with so many keys. */
static int remove_keys(async_redis *redis, const char *const *keys,
                       size_t count)
{
    enum { MAX_KEYS = 15 };
    struct iovec words[1 + MAX_KEYS] = {{(void *)"DEL", strlen("DEL")}};
    if (count > MAX_KEYS)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        words[1 + i] = (struct iovec){(void *)keys[i], strlen(keys[i])};
    return async_redis_command_words(redis, NULL, words, 1 + count);
}

/* Waits for a job on a connection of its own. */
static int work(async_redis *redis)
{
    async_auto_redis_reply *reply = NULL; /* the list's name, and the job */
    const char *job;
    ASYNC_TRY(async_redis_blocking_command(redis, &reply, "BLPOP jobs 0"));
    ASYNC_TRY(async_redis_reply_text(async_redis_reply_at(reply, 1), &job));
    printf("job: %s\n", job);
    return 0;
}
async_fn(work, async_redis *);

static int amain(void)
{
    ASYNC_CLEANUP(redis_server_stop) struct redis_server server = {0};
    ASYNC_TRY(redis_server_start(&server));
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, server.url, NULL));

    async_auto_redis_reply *reply = NULL;
    const char *text, data[] = {'a', 0, 'b'};
    ASYNC_TRY(
        async_redis_command(redis, NULL, "SET user:%d:name %s", 7, "A B"));
    ASYNC_TRY(
        async_redis_command(redis, NULL, "SET data %b", data, sizeof data));
    ASYNC_TRY(async_redis_command(redis, &reply, "GET user:7:name"));
    ASYNC_TRY(async_redis_reply_text(reply, &text));
    printf("name: %s\n", text);

    attempt(redis, "INCR user:%d:name", 7);
    attempt(redis, "BLPOP jobs 0");
    const char *keys[] = {"user:7:name", "data"};
    ASYNC_TRY(remove_keys(redis, keys, 2));

    async_task *worker = async_create_task(work, redis);
    ASYNC_TRY(async_redis_command(redis, NULL, "RPUSH jobs %s", "make tea"));
    return async_await(worker);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * name: A B
 * -EREMOTEIO: INCR: ERR value is not an integer or out of range
 * -EINVAL: BLPOP would hold up all tasks; use async_redis_blocking_command
 * job: make tea
 */
