/* fake_redis.c: a server in a task of the test. */
#include "redis/fake_redis.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *fake_word(const async_redis_reply *command, size_t index)
{
    const char *text;
    return async_redis_reply_text(async_redis_reply_at(command, index), &text) >= 0 ? text : "";
}

static bool is(const async_redis_reply *command, const char *word)
{
    return strcmp(fake_word(command, 0), word) == 0;
}

int fake_say(async_stream *stream, const char *text)
{
    return async_stream_write(stream, text, strlen(text));
}

int fake_answer(async_stream *stream, const async_redis_reply *command)
{
    const char *name = fake_word(command, 1);
    if (is(command, "SUBSCRIBE") || is(command, "PSUBSCRIBE"))
        return async_stream_printf(stream, ">3\r\n+%s\r\n$%zu\r\n%s\r\n:1\r\n",
                                   is(command, "SUBSCRIBE") ? "subscribe" : "psubscribe",
                                   strlen(name), name);
    if (is(command, "UNSUBSCRIBE") || is(command, "PUNSUBSCRIBE"))
        return fake_say(stream, ">3\r\n+unsubscribe\r\n_\r\n:0\r\n");
    if (is(command, "SCRIPT"))
        return fake_say(stream, "$4\r\nhash\r\n");
    if (is(command, "EVALSHA"))
        return fake_say(stream, ":1\r\n");
    return fake_say(stream, is(command, "EXEC") ? "*0\r\n" : "+OK\r\n");
}

static int answer(struct fake_redis *fake, async_stream *stream, const async_redis_reply *command,
                  bool is_login)
{
    if (is(command, "HELLO"))
        return fake_say(stream, "%1\r\n+proto\r\n:3\r\n");
    if (is(command, "PING") && (is_login || !fake->hears_ping))
        return fake_say(stream, "+PONG\r\n");
    return (fake->answer != NULL ? fake->answer : fake_answer)(stream, command);
}

static int serve(async_stream *stream, void *argument)
{
    struct fake_redis *fake = argument;
    struct connection connection = {.stream = stream};
    struct async_redis_reply *command;
    int result;
    bool is_login = true;
    fake->connections++;
    redisp_reader_open(&connection.reader, 1 << 20);
    while ((result = redisp_receive(&connection, &command)) == 0) {
        result = answer(fake, stream, command, is_login);
        is_login = is_login && !is(command, "PING");
        async_redis_reply_free(command);
        if (result < 0)
            break;
    }
    redisp_reader_close(&connection.reader);
    return result == -ECANCELED ? result : 0;
}

/* At a port, for a certificate has a name. */
static int open_with_tls(struct fake_redis *fake)
{
    const async_server_options options = {.tls = fake->tls};
    ASYNC_TRY(async_start_server(&fake->server, serve, fake, "127.0.0.1", 0, &options));
    snprintf(fake->url, sizeof fake->url, "rediss://localhost:%d", async_server_port(fake->server));
    return 0;
}

int fake_try_open(struct fake_redis *fake)
{
    static int number;
    char path[48];
    snprintf(path, sizeof path, "@asyncio-redis-%d-%d", (int)getpid(), number++);
    snprintf(fake->url, sizeof fake->url, "unix://%s", path);
    fake->connections = 0;
    if (fake->tls != NULL)
        return open_with_tls(fake);
    return async_start_unix_server(&fake->server, serve, fake, path, NULL);
}

void fake_open(struct fake_redis *fake)
{
    CHECK_EQ(fake_try_open(fake), 0);
}

void fake_close(struct fake_redis *fake)
{
    async_server_free_wait(fake->server);
}

async_redis *fake_client(const struct fake_redis *fake, const async_redis_options *options)
{
    async_redis *redis;
    CHECK_EQ(async_redis_connect(&redis, fake->url, options), 0);
    return redis;
}

int fake_subscribe(async_redis *redis)
{
    async_auto_queue *queue = NULL;
    async_redis_subscription *subscription;
    ASYNC_TRY(async_queue_new(&queue, 1, sizeof(async_redis_message *)));
    ASYNC_TRY(async_redis_subscribe(&subscription, redis, queue, "news"));
    async_redis_unsubscribe(subscription);
    return 0;
}
