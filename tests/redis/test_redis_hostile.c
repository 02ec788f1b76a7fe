/*
 * test_redis_hostile.c: the client against a server that answers in pieces, wrongly, late, or not
 * at all. No command gets the reply to another, and none hangs.
 */
#include "redis/fake_redis.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct fake_redis fake = {0};

/* ---- pieces --------------------------------------------------------------------------------- */

/* Sends one byte at each turn. */
static int say_slowly(async_stream *stream, const char *text)
{
    for (; *text != 0; text++) {
        ASYNC_TRY(async_stream_write(stream, text, 1));
        ASYNC_TRY(async_sleep(0));
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}

static int echo_in_pieces(async_stream *stream, const async_redis_reply *command)
{
    char text[200];
    snprintf(text, sizeof text, "|1\r\n+a\r\n:1\r\n*2\r\n$%zu\r\n%s\r\n_\r\n",
             strlen(fake_word(command, 1)), fake_word(command, 1));
    return say_slowly(stream, text);
}

static int ask(async_redis *redis, int number)
{
    async_auto_redis_reply *reply = NULL;
    char expected[32];
    const char *text;
    snprintf(expected, sizeof expected, "number %d", number);
    ASYNC_TRY(async_redis_command(redis, &reply, "ECHO %s", expected));
    ASYNC_TRY(async_redis_reply_text(async_redis_reply_at(reply, 0), &text));
    CHECK_STR(text, expected);
    return 0;
}
async_fn(ask, async_redis *, int);

LOOP_TEST(redis_replies_in_pieces_reach_their_commands)
{
    fake.answer = echo_in_pieces;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    ASYNC_TASK_GROUP(tasks);
    for (int i = 0; i < 5; i++)
        async_group_create_task(&tasks, ask, redis, i);
    CHECK_EQ(async_group_wait(&tasks), 0);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

/* ---- wrong answers -------------------------------------------------------------------------- */

static const char *wrong_answer;

/* The first connection answers wrongly, later ones rightly. */
static int answer_wrongly(async_stream *stream, const async_redis_reply *command)
{
    return fake.connections > 1 ? fake_answer(stream, command) : fake_say(stream, wrong_answer);
}

static void check_wrong(const char *bytes, int error)
{
    const async_redis_options options = {.max_reply = 4096};
    wrong_answer = bytes;
    fake.answer = answer_wrongly;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, &options);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), error);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    CHECK_EQ(fake.connections, 2);
    async_redis_free_wait(redis);
    fake_close(&fake);
}

LOOP_TEST(redis_connection_with_a_wrong_answer_is_made_anew)
{
    check_wrong("HTTP/1.1 200 OK\r\n", -EPROTO);
    check_wrong("$100000\r\n", -EMSGSIZE);
    check_wrong("*1\r\n$3\r\nabcd\r\n", -EPROTO);
    return 0;
}

/* A second reply, to no command. */
static int answer_twice(async_stream *stream, const async_redis_reply *command)
{
    return fake.connections > 1 ? fake_answer(stream, command)
                                : fake_say(stream, "+first\r\n+second\r\n");
}

LOOP_TEST(redis_reply_to_no_command_is_never_the_reply_to_the_next)
{
    fake.answer = answer_twice;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    async_redis_reply *reply;
    const char *text;
    CHECK_EQ(async_redis_command(redis, &reply, "GET a"), 0);
    CHECK_EQ(async_redis_reply_text(reply, &text), 5);
    CHECK_STR(text, "first");
    async_redis_reply_free(reply);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_redis_command(redis, &reply, "GET a"), 0);
    CHECK_EQ(async_redis_reply_text(reply, &text), 2);
    CHECK_STR(text, "OK");
    async_redis_reply_free(reply);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

/* ---- the end in the middle ------------------------------------------------------------------ */

static int break_off(async_stream *stream, const async_redis_reply *command)
{
    if (fake.connections > 1)
        return fake_answer(stream, command);
    ASYNC_TRY(fake_say(stream, "*2\r\n$3\r\nab"));
    return -ECONNRESET;
}

LOOP_TEST(redis_connection_that_ends_in_a_reply_fails_the_command)
{
    fake.answer = break_off;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), -ECONNRESET);
    CHECK_STR(async_strerror(-ECONNRESET),
              "-ECONNRESET: the connection to Redis was lost before the reply to GET");
    CHECK_EQ(async_redis_command(redis, NULL, "GET a"), 0);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

/* Ends at the command of the second connection of the pool, which was idle before. */
static int close_at_third(async_stream *stream, const async_redis_reply *command)
{
    static int commands;
    return ++commands == 2 ? -ECONNRESET : fake_answer(stream, command);
}

LOOP_TEST(redis_pool_makes_a_new_connection_after_one_has_ended)
{
    fake.answer = close_at_third;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    CHECK_EQ(async_redis_blocking_command(redis, NULL, "BLPOP a 0"), 0);
    CHECK_EQ(async_redis_blocking_command(redis, NULL, "BLPOP a 0"), -ECONNRESET);
    CHECK_EQ(async_redis_blocking_command(redis, NULL, "BLPOP a 0"), 0);
    CHECK_EQ(fake.connections, 3);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

/* ---- no answer ------------------------------------------------------------------------------ */

static int be_silent(async_stream *stream, const async_redis_reply *command)
{
    (void)stream, (void)command;
    return 0;
}

LOOP_TEST(redis_command_without_an_answer_ends_at_its_limit)
{
    fake.answer = be_silent;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(async_timeout(0.01, async_redis_command(redis, NULL, "GET a")), -ETIMEDOUT);
    CHECK_EQ(async_timeout(0.01, async_redis_blocking_command(redis, NULL, "BLPOP a 0")),
             -ETIMEDOUT);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

static int ignore_client(async_stream *stream, void *argument)
{
    char byte;
    (void)argument;
    while (async_stream_read(stream, &byte, 1) > 0)
        continue;
    return 0;
}

LOOP_TEST(redis_connecting_to_a_silent_server_ends_at_its_limit)
{
    char path[64], url[80];
    async_server *server;
    async_redis *redis;
    const async_redis_options options = {.connect_timeout = 0.02};
    snprintf(path, sizeof path, "@asyncio-silent-%d", (int)getpid());
    snprintf(url, sizeof url, "unix://%s", path);
    CHECK_EQ(async_start_unix_server(&server, ignore_client, NULL, path, NULL), 0);
    CHECK_EQ(async_redis_connect(&redis, url, &options), -ETIMEDOUT);
    CHECK_STR(async_strerror(-ETIMEDOUT),
              "-ETIMEDOUT: no answer of the Redis server within 0.02 seconds");
    CHECK(redis == NULL);
    async_server_free_wait(server);
    return 0;
}

/* ---- much output ---------------------------------------------------------------------------- */

static int count_bytes(async_stream *stream, const async_redis_reply *command)
{
    const char *text;
    return async_stream_printf(stream, ":%d\r\n",
                               async_redis_reply_text(async_redis_reply_at(command, 2), &text));
}

static int send_much(async_redis *redis, const char *bytes, size_t size)
{
    async_auto_redis_reply *reply = NULL;
    int64_t length;
    ASYNC_TRY(async_redis_command(redis, &reply, "SET a %b", bytes, size));
    ASYNC_TRY(async_redis_reply_integer(reply, &length));
    CHECK_EQ(length, (int64_t)size);
    return 0;
}
async_fn(send_much, async_redis *, const char *, size_t);

LOOP_TEST(redis_large_commands_of_many_tasks_wait_for_room)
{
    enum { SIZE = 500000, TASKS = 20 };
    static char bytes[SIZE];
    fake.answer = count_bytes;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    ASYNC_TASK_GROUP(tasks);
    for (int i = 0; i < TASKS; i++)
        async_group_create_task(&tasks, send_much, redis, bytes, SIZE - (size_t)i);
    CHECK_EQ(async_group_wait(&tasks), 0);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

/* ---- wrong loop ----------------------------------------------------------------------------- */

static int use_elsewhere(async_redis *redis)
{
    return async_redis_command(redis, NULL, "PING");
}
async_fn(use_elsewhere, async_redis *);

static async_redis *left;

static int leave_a_client(void)
{
    fake.answer = NULL;
    fake_open(&fake);
    left = fake_client(&fake, NULL);
    return 0;
}
async_fn(leave_a_client);

TEST_EACH_BACKEND(redis_client_left_by_its_loop_can_be_freed_and_is_refused)
{
    CHECK_EQ(async_run_with(test_options(), leave_a_client), 0);
    int result = async_run_with(test_options(), use_elsewhere, left);
    CHECK(result == -EXDEV ||
          result == -ECANCELED); /* the new loop may have the old one's address */
    async_redis_free_wait(left);
}
