/*
 * test_redis.c: the client against a real server: commands, pipelining, errors, cancellation,
 * reconnecting, the pool.
 */
#include "redis/redis_server.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct redis_server server;

static void check_text(async_redis *redis, const char *key, const char *expected)
{
    async_auto_redis_reply *reply = NULL;
    const char *text;
    CHECK_EQ(async_redis_command(redis, &reply, "GET %s", key), 0);
    CHECK_EQ(async_redis_reply_text(reply, &text), (int)strlen(expected));
    CHECK_STR(text, expected);
}

/* ---- commands ------------------------------------------------------------------------------- */

static void check_commands(async_redis *redis)
{
    async_auto_redis_reply *reply = NULL;
    int64_t number;
    const char *text;
    CHECK_EQ(async_redis_command(redis, NULL, "SET %s %b", "a b", "x\r\n\0y", (size_t)5), 0);
    CHECK_EQ(async_redis_command(redis, &reply, "GET %s", "a b"), 0);
    CHECK_EQ(async_redis_reply_text(reply, &text), 5);
    CHECK_EQ(memcmp(text, "x\r\n\0y", 6), 0);
    async_redis_reply_free(reply);
    CHECK_EQ(async_redis_command(redis, NULL, "SET key:%d:%s %lld", 7, "x", -5000000000LL), 0);
    check_text(redis, "key:7:x", "-5000000000");
    CHECK_EQ(async_redis_command(redis, &reply, "  INCRBY   key:7:x %zu ", (size_t)1), 0);
    CHECK_EQ(async_redis_reply_integer(reply, &number), 0);
    CHECK_EQ(number, -4999999999);
    async_redis_reply_free(reply);
    CHECK_EQ(async_redis_command(redis, NULL, "SET 100%% ok"), 0);
    check_text(redis, "100%", "ok");
    const struct iovec words[] = {{(void *)"SET", 3}, {(void *)"empty", 5}, {NULL, 0}};
    CHECK_EQ(async_redis_command_words(redis, NULL, words, 3), 0);
    check_text(redis, "empty", "");
    CHECK_EQ(async_redis_command(redis, &reply, "GET missing"), 0);
    CHECK_EQ(async_redis_reply_type(reply), ASYNC_REDIS_NIL);
}

REAL_LOOP_TEST(redis_commands)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    check_commands(redis);
    const async_redis_options old = {.protocol = 2, .name = "old", .database = 3};
    async_auto_wait_redis *other = server_client(&server, &old);
    check_commands(other);
    return 0;
}

REAL_LOOP_TEST(redis_errors_have_the_servers_sentence)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_redis_reply *reply;
    CHECK_EQ(async_redis_command(redis, NULL, "SET a 1"), 0);
    CHECK_EQ(async_redis_command(redis, &reply, "LPUSH a 1"), -EREMOTEIO);
    CHECK(reply == NULL);
    CHECK_STR(async_strerror(-EREMOTEIO), "-EREMOTEIO: LPUSH: WRONGTYPE Operation against a key "
                                          "holding the wrong kind of value");
    CHECK_EQ(async_redis_command(redis, &reply, "XREADGROUP GROUP g c STREAMS s >"), -ENOENT);
    CHECK_EQ(async_redis_command(redis, NULL, "XGROUP CREATE s g 0 MKSTREAM"), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "XGROUP CREATE s g 0 MKSTREAM"), -EEXIST);
    check_text(redis, "a", "1");
    return 0;
}

REAL_LOOP_TEST(redis_wrong_commands_are_refused_before_they_are_sent)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    static const char *const wrong[] = {"",
                                        "  ",
                                        "GET %q",
                                        "GET %",
                                        "BLPOP a 0",
                                        "blpop a 0",
                                        "MULTI",
                                        "SUBSCRIBE a",
                                        "WAIT 1 0",
                                        "XREAD BLOCK 0 STREAMS a 0",
                                        "CLIENT REPLY OFF",
                                        "SELECT 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_EQ(async_redis_command(redis, NULL, wrong[i]), -EINVAL);
    CHECK_EQ(async_redis_command(redis, NULL, "GET %s", (char *)NULL), -EINVAL);
    CHECK_EQ(async_redis_command(redis, NULL, NULL), -EINVAL);
    CHECK_EQ(async_redis_command(NULL, NULL, "PING"), -EINVAL);
    CHECK_EQ(async_redis_command_words(redis, NULL, NULL, 1), -EINVAL);
    CHECK_EQ(async_redis_command(redis, NULL, "XREAD STREAMS BLOCK 0"), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "CLIENT ID"), 0);
    CHECK_EQ(async_redis_blocking_command(redis, NULL, "MULTI"), -EINVAL);
    return 0;
}

static int pass_on(async_redis *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = async_redis_vcommand(redis, NULL, format, arguments);
    va_end(arguments);
    return result;
}

REAL_LOOP_TEST(redis_command_with_a_va_list)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    CHECK_EQ(pass_on(redis, "SET %s %d", "a", 5), 0);
    check_text(redis, "a", "5");
    return 0;
}

/* ---- many tasks ----------------------------------------------------------------------------- */

static int count_up(async_redis *redis, int number)
{
    async_auto_redis_reply *reply = NULL;
    char expected[32];
    const char *text;
    snprintf(expected, sizeof expected, "text %d", number);
    ASYNC_TRY(async_redis_command(redis, &reply, "ECHO %s", expected));
    ASYNC_TRY(async_redis_reply_text(reply, &text));
    CHECK_STR(text, expected);
    return 0;
}
async_fn(count_up, async_redis *, int);

REAL_LOOP_TEST(redis_tasks_share_a_connection_and_each_gets_its_reply)
{
    enum { TASKS = 1000 };
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    ASYNC_TASK_GROUP(tasks);
    for (int i = 0; i < TASKS; i++)
        async_group_create_task(&tasks, count_up, redis, i);
    CHECK_EQ(async_group_wait(&tasks), 0);
    async_auto_redis_reply *reply = NULL;
    CHECK_EQ(async_redis_command(redis, &reply, "CLIENT LIST"), 0);
    const char *text;
    CHECK(async_redis_reply_text(reply, &text) > 0);
    CHECK(strchr(text, '\n') == strrchr(text, '\n'));
    return 0;
}

static int wait_a_moment(async_redis *redis)
{
    return async_redis_command(redis, NULL, "EVAL %s 0", "return 'late'");
}
async_fn(wait_a_moment, async_redis *);

REAL_LOOP_TEST(redis_cancelled_command_does_not_shift_the_replies_of_others)
{
    enum { ROUNDS = 200 };
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        async_task *task = async_create_task(wait_a_moment, redis);
        async_task *other = async_create_task(count_up, redis, i);
        for (int turns = i % 4; turns > 0; turns--)
            CHECK_EQ(async_sleep(0), 0);
        async_task_cancel(task);
        int result = async_await(task);
        CHECK(result == -ECANCELED || result == 0);
        CHECK_EQ(count_up(redis, -i), 0);
        CHECK_EQ(async_await(other), 0);
    }
    return 0;
}

/* ---- the end of a connection ---------------------------------------------------------------- */

static int changes, last_change;

static void note_change(async_redis *redis, int error, void *context)
{
    (void)redis, (void)context;
    changes++;
    last_change = error;
}

REAL_LOOP_TEST(redis_client_connects_again)
{
    const async_redis_options options = {.on_change = note_change, .longest_pause = 0.05};
    server_open(&server, "--appendonly yes --appendfsync always");
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, &options);
    changes = 0;
    CHECK_EQ(async_redis_command(redis, NULL, "SET a 1"), 0);
    server_kill(&server);
    int result = async_timeout(0.1, async_redis_command(redis, NULL, "SET a 2"));
    CHECK(result == -ETIMEDOUT || result == -ECONNRESET);
    server_start(&server);
    check_text(redis, "a", "1");
    CHECK(changes >= 2);
    CHECK_EQ(last_change, 0);
    CHECK_EQ(async_redis_command(redis, NULL, "CLIENT KILL TYPE normal SKIPME no"), 0);
    result = async_redis_command(redis, NULL, "SET a 3");
    CHECK(result == -ECONNRESET || result == 0);
    CHECK_EQ(async_redis_command(redis, NULL, "SET a 4"), 0);
    check_text(redis, "a", "4");
    return 0;
}

static int pause_server(async_redis *redis)
{
    return async_redis_blocking_command(redis, NULL, "BLPOP nothing 0");
}
async_fn(pause_server, async_redis *);

REAL_LOOP_TEST(redis_calls_under_way_end_when_the_client_is_freed)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_redis *redis = server_client(&server, NULL);
    async_task *blocked = async_create_task(pause_server, redis);
    CHECK_EQ(async_sleep(0.02), 0);
    async_task *shared = async_create_task(wait_a_moment, redis);
    CHECK_EQ(async_sleep(0), 0);
    async_redis_free_wait(redis);
    CHECK_EQ(async_await(blocked), -EBADF);
    CHECK_EQ(async_await(shared), -EBADF);
    return 0;
}

/* ---- commands that block -------------------------------------------------------------------- */

static int take_one(async_redis *redis, int *got)
{
    async_auto_redis_reply *reply = NULL;
    int64_t number;
    ASYNC_TRY(async_redis_blocking_command(redis, &reply, "BLPOP list 0"));
    ASYNC_TRY(async_redis_reply_integer(async_redis_reply_at(reply, 1), &number));
    *got += (int)number;
    return 0;
}
async_fn(take_one, async_redis *, int *);

REAL_LOOP_TEST(redis_commands_that_block_do_not_hold_up_others)
{
    enum { TASKS = 20 };
    int sum = 0;
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    ASYNC_TASK_GROUP(tasks);
    for (int i = 0; i < TASKS; i++)
        async_group_create_task(&tasks, take_one, redis, &sum);
    CHECK_EQ(async_timeout(0.05, async_redis_blocking_command(redis, NULL, "BLPOP other 0")),
             -ETIMEDOUT);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(async_redis_command(redis, NULL, "RPUSH list %d", i), 0);
    CHECK_EQ(async_group_wait(&tasks), 0);
    CHECK_EQ(sum, TASKS * (TASKS - 1) / 2);
    return 0;
}

REAL_LOOP_TEST(redis_pool_makes_calls_wait_for_a_connection)
{
    enum { TASKS = 6 };
    int sum = 0;
    const async_redis_options options = {.pool_size = 2};
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, &options);
    ASYNC_TASK_GROUP(tasks);
    for (int i = 0; i < TASKS; i++)
        async_group_create_task(&tasks, take_one, redis, &sum);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(async_redis_command(redis, NULL, "RPUSH list 1"), 0);
    CHECK_EQ(async_group_wait(&tasks), 0);
    CHECK_EQ(sum, TASKS);
    async_auto_redis_reply *reply = NULL;
    const char *text;
    CHECK_EQ(async_redis_command(redis, &reply, "CLIENT LIST"), 0);
    CHECK(async_redis_reply_text(reply, &text) > 0);
    int lines = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        lines++;
    CHECK_EQ(lines, 3);
    return 0;
}

/* ---- connecting ----------------------------------------------------------------------------- */

REAL_LOOP_TEST(redis_login_with_a_password)
{
    char url[SERVER_TEXT + 32];
    async_redis *redis;
    server_open(&server, "--requirepass 'p@ss/w%'");
    AUTO_CLOSE_SERVER(server);
    CHECK_EQ(async_redis_connect(&redis, server.url, NULL), -EACCES);
    CHECK(redis == NULL);
    const async_redis_options options = {.password = "p@ss/w%"};
    redis = server_client(&server, &options);
    async_redis_free_wait(redis);
    snprintf(url, sizeof url, "unix://:p%%40ss%%2Fw%%25@%s?db=2", server.socket);
    CHECK_EQ(async_redis_connect(&redis, url, NULL), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "SET a 1"), 0);
    async_redis_free_wait(redis);
    const async_redis_options old = {.password = "p@ss/w%", .protocol = 2};
    redis = server_client(&server, &old);
    CHECK_EQ(async_redis_command(redis, NULL, "PING"), 0);
    async_redis_free_wait(redis);
    return 0;
}

LOOP_TEST(redis_urls_that_are_wrong_are_refused)
{
    static const char *const wrong[] = {"",
                                        "http://a",
                                        "redis:/a",
                                        "redis://a:b",
                                        "redis://a:70000",
                                        "redis://a/x",
                                        "redis://[::1",
                                        "redis://[::1]x",
                                        "redis://%zz",
                                        "redis://a%0",
                                        "redis://%00",
                                        "unix://",
                                        "unix:///a?x=1",
                                        "unix:///a?db=",
                                        "rediss://a",
                                        "redis://user@a"};
    async_redis *redis;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_EQ(async_redis_connect(&redis, wrong[i], NULL), -EINVAL);
    const async_redis_options options[] = {{.database = -1},
                                           {.protocol = 4},
                                           {.connect_timeout = -1},
                                           {.longest_pause = -1},
                                           {.max_reply = 1}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        CHECK_EQ(async_redis_connect(&redis, NULL, &options[i]), -EINVAL);
    CHECK_EQ(async_redis_connect(NULL, NULL, NULL), -EINVAL);
    CHECK_EQ(async_redis_connect(&redis, "unix:///no/such/socket", NULL), -ENOENT);
    CHECK_EQ(async_redis_connect(&redis, "redis://127.0.0.1:1", NULL), -ECONNREFUSED);
    return 0;
}
