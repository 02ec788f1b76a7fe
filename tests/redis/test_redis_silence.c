/*
 * test_redis_silence.c: a server that keeps its connection and says nothing more. The client does
 * not wait for it for ever, and does not give up a server that is only slow or has nothing to say.
 */
#include "redis/fake_redis.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct fake_redis fake = {0};
static int changes[8], change_count;

static void note_change(async_redis *redis, int error, void *context)
{
    (void)redis, (void)context;
    if (change_count < 8)
        changes[change_count++] = error;
}

static async_redis *open_silent(int (*answer)(async_stream *, const async_redis_reply *),
                                double limit)
{
    const async_redis_options options = {.silence_limit = limit, .on_change = note_change};
    fake.answer = answer;
    change_count = 0;
    fake_open(&fake);
    return fake_client(&fake, &options);
}

static void close_silent(async_redis *redis)
{
    async_redis_free_wait(redis);
    fake_close(&fake);
}

/* The first connection. */
static int be_silent_at_first(async_stream *stream, const async_redis_reply *command)
{
    return fake.connections > 1 ? fake_answer(stream, command) : 0;
}

LOOP_TEST(redis_connection_without_a_byte_while_replies_are_due_is_made_anew)
{
    async_redis *redis = open_silent(be_silent_at_first, 0.04);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), -ECONNRESET);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    CHECK_EQ(fake.connections, 2);
    CHECK_EQ(change_count, 2);
    CHECK_EQ(changes[0], -ETIMEDOUT);
    CHECK_EQ(changes[1], 0);
    close_silent(redis);
    return 0;
}

LOOP_TEST(redis_connection_whose_command_was_abandoned_is_watched_too)
{
    async_redis *redis = open_silent(be_silent_at_first, 0.04);
    CHECK_EQ(async_timeout(0.01, async_redis_command(redis, NULL, "GET a")), -ETIMEDOUT);
    while (fake.connections < 2)
        CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    close_silent(redis);
    return 0;
}

/* One byte at a time, in all longer than the limit. */
static int be_slow(async_stream *stream, const async_redis_reply *command)
{
    static const char text[] = "$8\r\nabcdefgh\r\n";
    (void)command;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        ASYNC_TRY(async_stream_write(stream, text + i, 1));
        ASYNC_TRY(async_sleep(0.05));
    }
    return 0;
}

LOOP_TEST(redis_slow_reply_is_no_silence)
{
    async_redis *redis = open_silent(be_slow, 0.4);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    CHECK_EQ(fake.connections, 1);
    CHECK_EQ(change_count, 0);
    close_silent(redis);
    return 0;
}

LOOP_TEST(redis_client_without_commands_is_not_watched)
{
    async_redis *redis = open_silent(NULL, 0.02);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    CHECK_EQ(async_sleep(0.2), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    CHECK_EQ(fake.connections, 1);
    close_silent(redis);
    return 0;
}

LOOP_TEST(redis_silence_limit_may_be_none)
{
    async_redis *redis = open_silent(be_silent_at_first, INFINITY);
    CHECK_EQ(async_timeout(0.1, async_redis_command(redis, NULL, "GET a")), -ETIMEDOUT);
    CHECK_EQ(fake.connections, 1);
    close_silent(redis);
    const async_redis_options options = {.silence_limit = -1};
    CHECK_EQ(async_redis_connect(&redis, "redis://", &options), -EINVAL);
    return 0;
}

/* ---- subscriptions -------------------------------------------------------------------------- */

static int pings;

/* The second connection is that of the subscription; it confirms and hears no PING. */
static int confirm_only(async_stream *stream, const async_redis_reply *command)
{
    if (strcmp(fake_word(command, 0), "PING") == 0 && fake.connections == 2) {
        pings++;
        return 0;
    }
    return fake_answer(stream, command);
}

static int subscribe_and_wait(async_redis *redis, async_redis_message **message, double seconds)
{
    async_auto_queue *queue = NULL;
    async_redis_subscription *subscription = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof *message));
    ASYNC_TRY(async_redis_subscribe(&subscription, redis, queue, "news"));
    int result = async_timeout(seconds, async_queue_get(queue, message));
    async_redis_unsubscribe(subscription);
    return result;
}

LOOP_TEST(redis_subscription_without_an_answer_to_ping_is_made_anew)
{
    async_redis_message *message = NULL;
    fake.hears_ping = true;
    pings = 0;
    async_redis *redis = open_silent(confirm_only, 0.04);
    CHECK_EQ(subscribe_and_wait(redis, &message, 10), 0);
    CHECK(message->channel == NULL);
    async_redis_message_free(message);
    CHECK(pings >= 1);
    CHECK_EQ(fake.connections, 3);
    close_silent(redis);
    return 0;
}

LOOP_TEST(redis_subscription_with_answers_to_ping_lasts)
{
    async_redis_message *message = NULL;
    async_redis *redis = open_silent(NULL, 0.2);
    CHECK_EQ(subscribe_and_wait(redis, &message, 1), -ETIMEDOUT);
    CHECK_EQ(fake.connections, 2);
    close_silent(redis);
    return 0;
}

/* ---- a slow line ---------------------------------------------------------------------------- */

/* 400 kB a second. */
static int pump_slowly(async_stream *from, async_stream *to)
{
    char piece[4096];
    for (;;) {
        int size = async_stream_read(from, piece, sizeof piece);
        if (size <= 0)
            return size;
        ASYNC_TRY(async_stream_write(to, piece, (size_t)size));
        ASYNC_TRY(async_stream_drain(to));
        ASYNC_TRY(async_sleep(0.01));
    }
}
async_fn(pump_slowly, async_stream *, async_stream *);

static int serve_slowly(async_stream *client, void *path)
{
    async_stream *server;
    ASYNC_TRY(async_open_unix_connection(&server, path, NULL));
    async_task *replies = async_create_task(pump_slowly, server, client);
    int result = pump_slowly(client, server);
    async_task_cancel(replies);
    async_ignore(async_no_cancel(async_await(replies)));
    async_stream_close(server);
    return result == -ECANCELED ? result : 0;
}

/* The server takes bytes all the time, but can answer only when it has all. */
LOOP_TEST(redis_large_command_on_a_slow_line_is_no_silence)
{
    enum { BYTES = 600000 };
    static char text[BYTES];
    const async_redis_options options = {.silence_limit = 0.3};
    char path[48], url[64];
    async_server *line;
    fake.answer = NULL;
    fake_open(&fake);
    snprintf(path, sizeof path, "@asyncio-redis-slow-%d", (int)getpid());
    CHECK_EQ(async_start_unix_server(&line, serve_slowly, fake.url + strlen("unix://"), path, NULL),
             0);
    snprintf(url, sizeof url, "unix://%s", path);
    async_redis *redis;
    CHECK_EQ(async_redis_connect(&redis, url, &options), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "SET a %b", text, sizeof text), 0);
    CHECK_EQ(async_redis_blocking_command(redis, NULL, "SET a %b", text, sizeof text), 0);
    CHECK_EQ(fake.connections, 2);
    async_redis_free_wait(redis);
    async_server_free_wait(line);
    fake_close(&fake);
    return 0;
}
