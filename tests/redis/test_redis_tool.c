/*
 * test_redis_tool.c: asyncio-queue, as a person types it.
 */
#include "redis/fake_redis.h"
#include "redis/redis_server.h"
#include <asyncio/process.h>
#include <asyncio/redis_queue.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct redis_server server;

static int priority_of(const void *item)
{
    return ((const async_redis_item *)item)->data[0] - '0';
}

static const async_redis_queue_options options = {
    .priorities = 2, .priority = priority_of, .tries = 1};

/* Runs asyncio-queue with some words, and checks its status and what it says. */
static void check_at(const char *url, int status, const char *said, const char *words)
{
    async_auto_output output = {0};
    char line[512], end[32];
    if (access(TEST_BUILD_DIR "/ext/redis/asyncio-queue", F_OK) != 0)
        test_skip("asyncio-queue is not on this machine");
    snprintf(line, sizeof line, "%s '%s/ext/redis/asyncio-queue' -u %s %s; echo status $?",
             TEST_WRAPPER, TEST_BUILD_DIR, url, words);
    snprintf(end, sizeof end, "status %d\n", status);
    const async_process_options pipes = {.out = ASYNC_PIPE, .err = ASYNC_STDOUT};
    CHECK_EQ(async_run_process(&pipes, &output, "sh", "-c", line), 0);
    if (strstr(output.out, said) == NULL || strstr(output.out, end) == NULL)
        printf("%s", output.out);
    CHECK(strstr(output.out, said) != NULL && strstr(output.out, end) != NULL);
}

static void check(int status, const char *said, const char *words)
{
    check_at(server.url, status, said, words);
}

static void put_text(async_queue *queue, const char *text)
{
    const async_redis_item item = {(char *)(uintptr_t)text, strlen(text)};
    CHECK_EQ(async_queue_put(queue, &item), 0);
}

/* Two dead items of different priorities, one that is taken, one that waits. */
static void fill(async_queue *queue)
{
    async_redis_item item;
    put_text(queue, "0 dead");
    put_text(queue, "1 dead");
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(async_queue_get(queue, &item), 0);
        free(item.data);
        async_queue_task_failed(queue, async_fail(-EIO, "no disk"));
    }
    CHECK_EQ(async_queue_join(queue), 0);
    put_text(queue, "0 taken");
    const async_redis_item padded = {(char *)(uintptr_t) "1 waits\n\0\0", 10};
    put_text(queue, "1 waits\n");
    CHECK_EQ(async_queue_put(queue, &padded), 0);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    free(item.data);
}

REAL_LOOP_TEST(redis_tool_shows_and_repairs_queues)
{
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", 0, &options), 0);
    fill(queue);
    check(0, "jobs                                    2        1        0        2 ", "list");
    check(0, "tries 0  7 bytes: 0 taken\n", "peek jobs 1");
    check(0, "tries 0  8 bytes: 1 waits\\x0A\n", "peek jobs");
    check(0, "tries 0  10 bytes: 1 waits\\x0A and 2 zero bytes\n", "peek jobs 3");
    check(0, "tries 1  (-EIO: no disk)  6 bytes: 1 dead\n", "dead jobs");
    check(0, "asyncio_queue_items{queue=\"jobs\",state=\"dead\"} 2\n", "stats");
    CHECK_EQ(
        async_redis_command(redis, NULL, "XADD {jobs}:dead * b x n %s e %s", "1\x1b", "\xff\n"), 0);
    check(0, "tries 1\\x1B  (\\xFF\\x0A)  1 bytes: x\n", "dead jobs");
    check(0, "0 put back\n", "retry jobs 1-1");
    check(0, "3 put back\n", "retry jobs all");
    check(0, "tries 0  6 bytes: 0 dead\n", "peek jobs 2");
    check(0, "0 dropped\n", "drop jobs all");
    check(1, "asyncio-queue: -EINVAL: which items? give their ids, or: all\n", "drop jobs");
    check(1, "COUNT is a number above 0", "peek jobs none");
    check(2, "usage: asyncio-queue", "peek");
    return 0;
}

/* As Redis while it moves its keys: names come twice, in no order. All queues are empty. */
static int answer_scan(async_stream *stream, const async_redis_reply *command)
{
    const char *word = fake_word(command, 0);
    if (strcmp(word, "SCAN") == 0 && strcmp(fake_word(command, 1), "0") == 0)
        return fake_say(stream,
                        "*2\r\n$1\r\n7\r\n*3\r\n$5\r\n{b}:s\r\n$5\r\n{a}:s\r\n$5\r\n{b}:s\r\n");
    if (strcmp(word, "SCAN") == 0)
        return fake_say(stream, "*2\r\n$1\r\n0\r\n*2\r\n$5\r\n{b}:s\r\n$3\r\n:s1\r\n");
    return fake_say(stream, strcmp(word, "TIME") == 0 ? "*2\r\n:9\r\n:0\r\n" : ":0\r\n");
}

REAL_LOOP_TEST(redis_tool_lists_each_queue_once_and_by_name)
{
    static struct fake_redis fake = {.answer = answer_scan};
    fake_open(&fake);
    check_at(fake.url, 0,
             "oldest s\n"
             "a                                       0        0        0        0        0.0\n"
             "b                                       0        0        0        0        0.0\n"
             "status",
             "list");
    fake_close(&fake);
    return 0;
}
