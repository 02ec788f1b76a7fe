/*
 * test_queue_strangers.c: queues in Redis with entries that other programs have put, with items and
 * replies of unusual size, and with tasks that fail without a pause.
 */
#include "redis/redis_server.h"
#include <asyncio/redis_queue.h>
#include <stdlib.h>
#include <string.h>

static struct redis_server server;

static async_queue *open_queue(async_redis *redis, const async_redis_queue_options *options)
{
    async_queue *queue;
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", 0, options), 0);
    return queue;
}

static void put_text(async_queue *queue, const char *text, size_t size)
{
    const async_redis_item item = {(char *)(uintptr_t)text, size};
    CHECK_EQ(async_queue_put(queue, &item), 0);
}

/* Its length. */
static size_t take(async_queue *queue)
{
    async_redis_item item;
    CHECK_EQ(async_timeout(10, async_queue_get(queue, &item)), 0);
    free(item.data);
    return item.size;
}

static int64_t length_of(async_redis *redis, const char *key)
{
    async_auto_redis_reply *reply = NULL;
    int64_t value;
    CHECK_EQ(async_redis_command(redis, &reply, "XLEN %s", key), 0);
    CHECK_EQ(async_redis_reply_integer(reply, &value), 0);
    return value;
}

static void wait_for_dead(async_redis *redis, int64_t count)
{
    while (length_of(redis, "{jobs}:dead") < count)
        CHECK_EQ(async_sleep(0.01), 0);
}

/* A field of the first dead item. */
static void check_dead(async_redis *redis, const char *name, const char *expected)
{
    async_auto_redis_reply *reply = NULL;
    const char *text;
    CHECK_EQ(async_redis_command(redis, &reply, "XRANGE {jobs}:dead - + COUNT 1"), 0);
    const async_redis_reply *fields = async_redis_reply_at(async_redis_reply_at(reply, 0), 1);
    CHECK(async_redis_reply_text(async_redis_reply_get(fields, name), &text) >= 0);
    CHECK_STR(text, expected);
}

/* ---- entries of others ---------------------------------------------------------------------- */

/* A process has died with three; the number of tries of the first is none. */
REAL_LOOP_TEST(redis_queue_takes_over_entries_with_odd_fields)
{
    const async_redis_queue_options options = {.lease = 0.2};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    CHECK_EQ(async_redis_command(redis, NULL, "XADD {jobs}:s * b odd n abc p x"), 0);
    put_text(queue, "good", 4);
    put_text(queue, "better", 6);
    CHECK_EQ(async_redis_command(redis, NULL, "XREADGROUP GROUP w dead COUNT 3 STREAMS {jobs}:s >"),
             0);
    size_t sizes = 0;
    for (int i = 0; i < 3; i++) {
        sizes += take(queue);
        async_queue_task_done(queue);
    }
    CHECK_EQ(sizes, 3 + 4 + 6);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

/* Also its other fields are there then. */
REAL_LOOP_TEST(redis_queue_sets_an_entry_with_odd_fields_aside_after_its_tries)
{
    const async_redis_queue_options options = {.tries = 2, .pause = 0.01};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    CHECK_EQ(async_redis_command(redis, NULL, "XADD {jobs}:s * b odd n nan color red"), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(take(queue), 3);
        async_queue_task_failed(queue, async_fail(-EPROTO, "a strange peer"));
    }
    wait_for_dead(redis, 1);
    check_dead(redis, "color", "red");
    check_dead(redis, "n", "2");
    check_dead(redis, "e", "-EPROTO: a strange peer");
    return 0;
}

REAL_LOOP_TEST(redis_queue_keeps_the_fields_of_an_entry_that_is_no_item)
{
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    CHECK_EQ(async_redis_command(redis, NULL, "XADD {jobs}:s * data important"), 0);
    put_text(queue, "good", 4);
    CHECK_EQ(take(queue), 4);
    async_queue_task_done(queue);
    wait_for_dead(redis, 1);
    check_dead(redis, "data", "important");
    check_dead(redis, "e", "the entry has no field b");
    return 0;
}

/* ---- large replies -------------------------------------------------------------------------- */

static int take_one(async_queue *queue)
{
    size_t size = take(queue);
    async_queue_task_done(queue);
    return (int)size;
}
async_fn(take_one, async_queue *);

/* Each fits, but not all of them; a second try would be one too many. */
REAL_LOOP_TEST(redis_queue_takes_fewer_items_if_a_reply_is_too_large)
{
    enum { ITEMS = 20, BYTES = 10000 };
    static const char text[BYTES];
    const async_redis_options small = {.max_reply = 65536};
    const async_redis_queue_options options = {.tries = 1};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *producer = server_client(&server, NULL);
    async_auto_wait_redis *redis = server_client(&server, &small);
    async_auto_queue *queue = open_queue(redis, &options), *puts = open_queue(producer, &options);
    for (int i = 0; i < ITEMS; i++)
        put_text(puts, text, BYTES);
    ASYNC_TASK_GROUP_WITH(tasks, .discard = true);
    for (int i = 0; i < ITEMS; i++)
        async_group_create_task(&tasks, take_one, queue);
    CHECK_EQ(async_group_wait(&tasks), 0);
    CHECK_EQ(length_of(producer, "{jobs}:dead"), 0);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_sets_an_item_larger_than_a_reply_aside)
{
    enum { BYTES = 100000 };
    static const char text[BYTES];
    const async_redis_options small = {.max_reply = 65536};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *producer = server_client(&server, NULL);
    async_auto_wait_redis *redis = server_client(&server, &small);
    async_auto_queue *queue = open_queue(redis, NULL), *puts = open_queue(producer, NULL);
    put_text(puts, text, BYTES);
    put_text(puts, "good", 4);
    CHECK_EQ(take(queue), 4);
    async_queue_task_done(queue);
    wait_for_dead(producer, 1);
    check_dead(producer, "e", "the item is larger than options.max_reply of its client");
    return 0;
}

/* ---- failures without a pause --------------------------------------------------------------- */

static int fail_for_ever(async_queue *queue)
{
    async_redis_item item;
    for (;;) {
        ASYNC_TRY(async_queue_get(queue, &item));
        free(item.data);
        async_queue_task_failed(queue, async_fail(-EIO, "no disk"));
    }
}
async_fn(fail_for_ever, async_queue *);

static int put_for_ever(async_queue *queue)
{
    const async_redis_item item = {(char *)(uintptr_t) "fails", 5};
    for (;;)
        ASYNC_TRY(async_queue_put(queue, &item));
}
async_fn(put_for_ever, async_queue *);

/* Milliseconds since the lease of the item was renewed. */
static int64_t idle_time(async_redis *redis, const char *id)
{
    async_auto_redis_reply *reply = NULL;
    int64_t idle;
    CHECK_EQ(async_redis_command(redis, &reply, "XPENDING {jobs}:s w %s %s 1", id, id), 0);
    CHECK_EQ(
        async_redis_reply_integer(async_redis_reply_at(async_redis_reply_at(reply, 0), 2), &idle),
        0);
    return idle;
}

/* The slow item is put first, so it is its task's. */
REAL_LOOP_TEST(redis_queue_renews_leases_while_others_fail_without_a_pause)
{
    enum { TASKS = 200, LEASE_MS = 3000 };
    const async_redis_queue_options options = {.lease = LEASE_MS / 1000.0, .pause = 60};
    async_redis_delivery delivery;
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its time stands still while a task runs");
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_text(queue, "slow", 4);
    CHECK_EQ(take(queue), 4);
    CHECK_EQ(async_redis_queue_delivery(queue, &delivery), 0);
    ASYNC_TASK_GROUP(tasks);
    for (int i = 0; i < TASKS; i++) {
        async_group_create_task(&tasks, put_for_ever, queue);
        async_group_create_task(&tasks, fail_for_ever, queue);
    }
    for (double end = async_time() + 4.5; async_time() < end;) {
        CHECK(idle_time(redis, delivery.id) < LEASE_MS);
        CHECK_EQ(async_sleep(0.1), 0);
    }
    async_group_cancel(&tasks);
    CHECK_EQ(async_group_wait(&tasks), 0);
    async_queue_task_done(queue);
    return 0;
}
