/*
 * test_redis_reader.c: replies from bytes: every type, cut at every byte, limits, and bytes that no
 * server should send.
 */
#include "redis.h"
#include "run/runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 20 };

/* ---- the notation of the tests -------------------------------------------------------------- */

static void describe(const async_redis_reply *reply, char *text, size_t size);

static void append(char *text, size_t size, const char *more)
{
    CHECK(strlen(text) + strlen(more) < size);
    strcat(text, more);
}

static void describe_elements(const async_redis_reply *reply, const char *brackets, char *text,
                              size_t size)
{
    append(text, size, (char[]){brackets[0], 0});
    for (size_t i = 0; i < async_redis_reply_size(reply); i++) {
        if (i > 0)
            append(text, size, " ");
        describe(async_redis_reply_at(reply, i), text, size);
    }
    append(text, size, (char[]){brackets[1], 0});
}

/* Appends a reply such as [1 'text' nil]. */
static void describe(const async_redis_reply *reply, char *text, size_t size)
{
    static const char *const brackets[] = {[ASYNC_REDIS_ARRAY] = "[]",
                                           [ASYNC_REDIS_MAP] = "{}",
                                           [ASYNC_REDIS_SET] = "()",
                                           [ASYNC_REDIS_PUSH] = "<>"};
    const char *string;
    char number[64];
    switch (async_redis_reply_type(reply)) {
    case ASYNC_REDIS_NIL:
        append(text, size, "nil");
        break;
    case ASYNC_REDIS_STRING:
    case ASYNC_REDIS_STATUS:
        CHECK(async_redis_reply_text(reply, &string) >= 0);
        snprintf(number, sizeof number, reply->type == ASYNC_REDIS_STRING ? "'%s'" : "+%s", string);
        append(text, size, number);
        break;
    case ASYNC_REDIS_ERROR:
        append(text, size, "!");
        append(text, size, reply->value.text);
        break;
    case ASYNC_REDIS_INTEGER:
    case ASYNC_REDIS_BOOLEAN:
        snprintf(number, sizeof number, reply->type == ASYNC_REDIS_INTEGER ? "%lld" : "bool %lld",
                 (long long)reply->value.integer);
        append(text, size, number);
        break;
    case ASYNC_REDIS_DOUBLE:
        snprintf(number, sizeof number, "%g", reply->value.number);
        append(text, size, number);
        break;
    default:
        describe_elements(reply, brackets[reply->type], text, size);
    }
}

/* ---- feeding -------------------------------------------------------------------------------- */

/* Feeds pieces of `step` bytes, as a stream's buffer holds them. The result of the last feed. */
static int feed_in_pieces(const char *bytes, size_t size, size_t step, size_t limit,
                          async_redis_reply **reply)
{
    struct reader reader;
    size_t fed = 0, end = 0;
    int result = 0;
    redisp_reader_open(&reader, limit);
    *reply = NULL;
    while (*reply == NULL && result >= 0 && end < size) {
        end = end + step < size ? end + step : size;
        char *piece = malloc(end - fed); /* valgrind and ASan see a read beyond it */
        memcpy(piece, bytes + fed, end - fed);
        result = redisp_reader_feed(&reader, piece, end - fed, reply);
        free(piece);
        fed += result > 0 ? (size_t)result : 0;
    }
    CHECK(*reply == NULL || fed == size);
    redisp_reader_close(&reader);
    return result;
}

static void check_reply(const char *bytes, size_t size, const char *expected)
{
    for (size_t step = 1; step <= size; step++) {
        char text[512] = "";
        async_redis_reply *reply;
        CHECK(feed_in_pieces(bytes, size, step, LIMIT, &reply) > 0);
        CHECK(reply != NULL);
        describe(reply, text, sizeof text);
        CHECK_STR(text, expected);
        async_redis_reply_free(reply);
    }
}

#define CHECK_REPLY(bytes, expected) check_reply("" bytes, sizeof(bytes) - 1, expected)

TEST(redis_replies_of_every_type_cut_at_every_byte)
{
    CHECK_REPLY("+OK\r\n", "+OK");
    CHECK_REPLY("-ERR no\r\n", "!ERR no");
    CHECK_REPLY(":-9223372036854775808\r\n", "-9223372036854775808");
    CHECK_REPLY("$5\r\nhello\r\n", "'hello'");
    CHECK_REPLY("$0\r\n\r\n", "''");
    CHECK_REPLY("$-1\r\n", "nil");
    CHECK_REPLY("*-1\r\n", "nil");
    CHECK_REPLY("*0\r\n", "[]");
    CHECK_REPLY("*3\r\n:1\r\n$1\r\na\r\n*2\r\n_\r\n*1\r\n+x\r\n", "[1 'a' [nil [+x]]]");
    CHECK_REPLY("$2\r\n\r\n\r\n", "'\r\n'");
    CHECK_REPLY(",1.5\r\n", "1.5");
    CHECK_REPLY(",-inf\r\n", "-inf");
    CHECK_REPLY("#t\r\n", "bool 1");
    CHECK_REPLY("(123456789012345678901234567890\r\n", "'123456789012345678901234567890'");
    CHECK_REPLY("=7\r\ntxt:abc\r\n", "'abc'");
    CHECK_REPLY("!7\r\nERR bad\r\n", "!ERR bad");
    CHECK_REPLY("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", "{+a 1 +b [2]}");
    CHECK_REPLY("~2\r\n:1\r\n:2\r\n", "(1 2)");
    CHECK_REPLY(">2\r\n+message\r\n:2\r\n", "<+message 2>");
    CHECK_REPLY("|1\r\n+ttl\r\n*1\r\n:3\r\n:7\r\n", "7");
    CHECK_REPLY("*2\r\n|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n:0\r\n:1\r\n|0\r\n:2\r\n", "[1 2]");
}

TEST(redis_reply_with_more_elements_than_room_at_first)
{
    enum { COUNT = 1000, TEXT = 20 };
    static char bytes[COUNT * TEXT], *end = bytes;
    async_redis_reply *reply;
    int64_t value;
    end += sprintf(end, "*%d\r\n", COUNT);
    for (int i = 0; i < COUNT; i++)
        end += sprintf(end, "*1\r\n:%d\r\n", i);
    for (size_t step = 1; step < 200; step += 7) {
        CHECK(feed_in_pieces(bytes, (size_t)(end - bytes), step, LIMIT, &reply) > 0);
        CHECK_EQ(async_redis_reply_size(reply), COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            const async_redis_reply *inner = async_redis_reply_at(reply, i);
            CHECK_EQ(async_redis_reply_integer(async_redis_reply_at(inner, 0), &value), 0);
            CHECK_EQ((size_t)value, i);
        }
        async_redis_reply_free(reply);
    }
}

TEST(redis_reply_with_long_strings)
{
    enum { SIZE = 300000 };
    char *bytes = malloc(2 * SIZE + 100), *end = bytes;
    async_redis_reply *reply;
    const char *text;
    end += sprintf(end, "*3\r\n$%d\r\n", SIZE);
    memset(end, 'a', SIZE);
    end += SIZE;
    end += sprintf(end, "\r\n:5\r\n$%d\r\n", SIZE);
    memset(end, 'b', SIZE);
    end += SIZE;
    end += sprintf(end, "\r\n");
    for (size_t step = 1000; step < 2 * SIZE; step *= 3) {
        CHECK(feed_in_pieces(bytes, (size_t)(end - bytes), step, LIMIT, &reply) > 0);
        CHECK_EQ(async_redis_reply_text(async_redis_reply_at(reply, 0), &text), SIZE);
        CHECK(text[0] == 'a' && text[SIZE - 1] == 'a' && text[SIZE] == 0);
        CHECK_EQ(async_redis_reply_text(async_redis_reply_at(reply, 2), &text), SIZE);
        CHECK(text[0] == 'b' && text[SIZE - 1] == 'b' && text[SIZE] == 0);
        async_redis_reply_free(reply);
    }
    free(bytes);
}

/* ---- what no server should send ------------------------------------------------------------- */

static void check_refused(const char *bytes, int error)
{
    for (size_t step = 1; step <= strlen(bytes); step++) {
        async_redis_reply *reply;
        CHECK_EQ(feed_in_pieces(bytes, strlen(bytes), step, LIMIT, &reply), error);
        CHECK(reply == NULL);
    }
}

TEST(redis_bytes_that_are_no_reply_are_refused)
{
    static const char *const wrong[] = {"HTTP/1.1 400\r\n",
                                        "\r\n",
                                        "*x\r\n",
                                        "*-2\r\n",
                                        "$99999999999999999999\r\n",
                                        ":\r\n",
                                        ":1x\r\n",
                                        ":9223372036854775808\r\n",
                                        "$3\r\nabcd\r\n",
                                        "+OK\n",
                                        "#y\r\n",
                                        ",abc\r\n",
                                        ",\r\n",
                                        "=3\r\nabc\r\n",
                                        "*1\r\n?\r\n",
                                        "$?\r\n",
                                        "*+\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_refused(wrong[i], -EPROTO);
}

TEST(redis_replies_above_the_limits_are_refused)
{
    char deep[MAX_DEPTH * 4 + 9] = "";
    check_refused("$2000000\r\n", -EMSGSIZE);
    check_refused("*2000000\r\n", -EMSGSIZE);
    check_refused("%9223372036854775807\r\n", -EMSGSIZE);
    for (int i = 0; i <= MAX_DEPTH; i++)
        strcat(deep, "*1\r\n");
    check_refused(deep, -EMSGSIZE);
    deep[MAX_DEPTH * 4] = 0;
    strcat(deep, ":1\r\n");
    async_redis_reply *reply;
    CHECK(feed_in_pieces(deep, strlen(deep), 3, LIMIT, &reply) > 0);
    async_redis_reply_free(reply);
}

TEST(redis_array_that_only_says_to_be_large_takes_little_memory)
{
    struct reader reader;
    async_redis_reply *reply;
    redisp_reader_open(&reader, (size_t)1 << 30);
    CHECK_EQ(redisp_reader_feed(&reader, "*10000000\r\n:1\r\n$500000000\r\nabc", 30, &reply), 30);
    CHECK(reply == NULL && reader.memory < 100000);
    redisp_reader_close(&reader);
}

/* ---- looking at replies --------------------------------------------------------------------- */

static async_redis_reply *reply_of(const char *bytes)
{
    async_redis_reply *reply;
    CHECK(feed_in_pieces(bytes, strlen(bytes), strlen(bytes), LIMIT, &reply) > 0);
    return reply;
}

TEST(redis_reply_accessors_check_types)
{
    async_auto_redis_reply *reply = reply_of(
        "%4\r\n+number\r\n$2\r\n-5\r\n+none\r\n_\r\n+list\r\n*1\r\n,2.5\r\n+bad\r\n-OOM full\r\n");
    const char *text;
    int64_t integer;
    double number;
    CHECK_EQ(async_redis_reply_integer(async_redis_reply_get(reply, "number"), &integer), 0);
    CHECK_EQ(integer, -5);
    CHECK_EQ(async_redis_reply_double(async_redis_reply_get(reply, "number"), &number), 0);
    CHECK(number == -5);
    CHECK_EQ(async_redis_reply_text(async_redis_reply_get(reply, "none"), &text), -ENOENT);
    CHECK(text == NULL);
    CHECK_EQ(async_redis_reply_integer(async_redis_reply_get(reply, "list"), &integer), -EBADMSG);
    CHECK_EQ(async_redis_reply_text(async_redis_reply_get(reply, "bad"), &text), -ENOSPC);
    CHECK_EQ(async_redis_reply_text(async_redis_reply_get(reply, "other"), &text), -EBADMSG);
    const async_redis_reply *list = async_redis_reply_get(reply, "list");
    CHECK_EQ(async_redis_reply_double(async_redis_reply_at(list, 0), &number), 0);
    CHECK(number == 2.5);
    CHECK(async_redis_reply_at(list, 1) == NULL && async_redis_reply_at(NULL, 0) == NULL);
    CHECK_EQ(async_redis_reply_size(reply), 8);
    CHECK_EQ(async_redis_reply_size(NULL), 0);
    CHECK_EQ(async_redis_reply_type(NULL), ASYNC_REDIS_NIL);
    CHECK_EQ(async_redis_reply_text(reply, &text), -EBADMSG);
    CHECK_EQ(async_redis_reply_text(reply, NULL), -EINVAL);
}
