/*
 * test_redis_rights.c: a user of Redis without the rights for a queue. The queue tries again and
 * again, and tells it once.
 */
#include "redis/redis_server.h"
#include <asyncio/redis_queue.h>
#include <string.h>

static struct redis_server server;
static char told[4][200];
static int told_count;

static void note(async_loop *loop, const async_exception_context *error, void *context)
{
    (void)loop, (void)context;
    CHECK(error->code == -EACCES || error->code == -EREMOTEIO); /* of a script */
    if (told_count < 4)
        strncpy(told[told_count], error->message, sizeof told[0] - 1);
    told_count++;
}

/* A client without the right to some commands, and its queue with an item. */
static async_queue *open_queue(async_redis *all, async_redis **redis, const char *rights)
{
    const async_redis_options options = {.user = "limited", .password = "secret"};
    const async_redis_queue_options queue_options = {.lease = 0.2};
    async_queue *queue;
    CHECK_EQ(async_redis_command(all, NULL, "ACL SETUSER limited on >secret ~* &* +@all"), 0);
    *redis = server_client(&server, &options);
    CHECK_EQ(async_redis_queue_open(&queue, *redis, "jobs", sizeof(int), &queue_options), 0);
    CHECK_EQ(async_queue_put(queue, &(int){1}), 0);
    CHECK_EQ(async_redis_command(all, NULL, "ACL SETUSER limited %s", rights), 0);
    told_count = 0;
    async_loop_set_exception_handler(async_get_loop(), note, NULL);
    return queue;
}

static void wait_until_told(void)
{
    while (told_count == 0)
        CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_sleep(0.5), 0); /* it is tried again meanwhile */
    CHECK_EQ(told_count, 1);
}

/* With Redis's sentence, which depends on its version. */
static void check_told(const char *beginning)
{
    if (strncmp(told[0], beginning, strlen(beginning)) != 0)
        CHECK_STR(told[0], beginning);
}

static int get(async_queue *queue)
{
    int number;
    return async_queue_get(queue, &number);
}
async_fn(get, async_queue *);

REAL_LOOP_TEST(redis_queue_tells_once_that_redis_gives_no_items)
{
    async_redis *redis;
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *all = server_client(&server, NULL);
    async_queue *queue = open_queue(all, &redis, "-xreadgroup");
    async_task *task = async_create_task(get, queue);
    wait_until_told();
    check_told("Redis refuses to give items of the queue {jobs}:s: -E");
    CHECK_EQ(async_redis_command(all, NULL, "ACL SETUSER limited +xreadgroup"), 0);
    CHECK_EQ(async_timeout(10, async_await(task)), 0);
    async_queue_free(queue);
    async_redis_free_wait(redis);
    return 0;
}

REAL_LOOP_TEST(redis_queue_tells_once_that_redis_renews_no_lease)
{
    async_redis *redis;
    int number;
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *all = server_client(&server, NULL);
    async_queue *queue = open_queue(all, &redis, "-xclaim");
    CHECK_EQ(async_timeout(10, async_queue_get(queue, &number)), 0);
    wait_until_told();
    check_told("Redis refuses to renew or to move items of the queue {jobs}:s: -E");
    async_queue_task_done(queue);
    async_queue_free(queue);
    async_redis_free_wait(redis);
    return 0;
}

static int64_t items_in_redis(async_redis *redis)
{
    async_auto_redis_reply *reply = NULL;
    int64_t count;
    CHECK_EQ(async_redis_command(redis, &reply, "XLEN {jobs}:s"), 0);
    CHECK_EQ(async_redis_reply_integer(reply, &count), 0);
    return count;
}

REAL_LOOP_TEST(redis_queue_reports_also_where_redis_renews_no_lease)
{
    async_redis *redis;
    int number;
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *all = server_client(&server, NULL);
    async_queue *queue = open_queue(all, &redis, "-xclaim");
    CHECK_EQ(async_queue_put(queue, &(int){2}), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(async_timeout(10, async_queue_get(queue, &number)), 0);
    wait_until_told();
    async_queue_task_done(queue); /* the other one's lease is to be renewed, again and again */
    const double end = async_time() + 10;
    while (items_in_redis(all) > 1 && async_time() < end)
        CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(items_in_redis(all), 1);
    async_queue_task_done(queue);
    async_queue_free(queue);
    async_redis_free_wait(redis);
    return 0;
}
