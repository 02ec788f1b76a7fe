/*
 * test_redis_durable.c: puts that return when a replica has the item, too.
 */
#include "redis/fake_queue.h"
#include "redis/redis_server.h"
#include <asyncio/redis_queue.h>
#include <asyncio/socket.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake_redis fake;
static struct redis_server master, replica;
static char master_settings[64], replica_settings[96];

static const async_redis_queue_options durable = {.durable = 1};

/* A port of loopback that is free now. */
static int find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    CHECK_EQ(close(fd), 0);
    return ntohs(address.sin_port);
}

static void open_master(void)
{
    int port = find_port();
    snprintf(master_settings, sizeof master_settings, "--bind 127.0.0.1 --port %d", port);
    snprintf(replica_settings, sizeof replica_settings,
             "--replicaof 127.0.0.1 %d --repl-diskless-sync-delay 0", port);
    server_open_since(&master, 7.0, "queues", master_settings);
}

static async_queue *open_queue(async_redis *redis, const async_redis_queue_options *options)
{
    async_queue *queue;
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", sizeof(int), options), 0);
    return queue;
}

static int put_numbers(async_queue *queue, int from, int *acknowledged)
{
    for (int i = from; i < from + 20; i++) {
        ASYNC_TRY(async_queue_put(queue, &i));
        *acknowledged += 1;
    }
    return 0;
}
async_fn(put_numbers, async_queue *, int, int *);

REAL_LOOP_TEST(redis_queue_that_is_durable_puts_when_a_replica_has_the_item)
{
    int number = 7;
    open_master();
    AUTO_CLOSE_SERVER(master);
    async_auto_wait_redis *redis = server_client(&master, NULL);
    async_auto_queue *queue = open_queue(redis, &durable);
    CHECK_EQ(async_timeout(0.2, async_queue_put(queue, &number)), -ETIMEDOUT);
    server_open_since(&replica, 7.0, "queues", replica_settings);
    AUTO_CLOSE_SERVER(replica);
    CHECK_EQ(async_timeout(20, async_queue_put(queue, &number)), 0);
    CHECK_EQ(async_timeout(20, async_redis_queue_put_once(queue, &number, "a")), 0);
    CHECK_EQ(async_timeout(20, async_redis_queue_put_once(queue, &number, "a")), -EALREADY);
    CHECK_EQ(async_timeout(20, async_redis_queue_put_later(queue, &number, 9)), 0);
    return 0;
}

static int evals, waits; /* that have come */

/* Waits for no replica, as at the opening of a queue, are allowed. */
static int refuse_to_wait(async_stream *stream, const async_redis_reply *command)
{
    const char *name = fake_word(command, 0);
    evals += strcmp(name, "EVAL") == 0;
    waits += strcmp(name, "WAIT") == 0;
    if (strcmp(name, "WAIT") == 0 && strcmp(fake_word(command, 1), "0") != 0)
        return fake_say(stream, "-NOPERM no permission to wait\r\n");
    return fake_answer_queue(stream, command);
}

/* Otherwise each attempt would put the item once more. */
LOOP_TEST(redis_queue_that_is_durable_does_not_put_again_where_redis_refuses_to_wait)
{
    int number = 7;
    fake.answer = refuse_to_wait;
    evals = waits = 0;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    async_queue *queue = open_queue(redis, &durable);
    CHECK_EQ(waits, 1);
    CHECK_EQ(async_queue_put(queue, &number), -EACCES);
    CHECK_EQ(evals, 1);
    async_queue_free(queue);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

static int refuse_all_waits(async_stream *stream, const async_redis_reply *command)
{
    return strcmp(fake_word(command, 0), "WAIT") == 0
               ? fake_say(stream, "-ERR WAIT cannot be used with replica instances.\r\n")
               : fake_answer_queue(stream, command);
}

LOOP_TEST(redis_queue_that_cannot_be_durable_is_not_opened)
{
    async_queue *queue;
    fake.answer = refuse_all_waits;
    fake_open(&fake);
    async_redis *redis = fake_client(&fake, NULL);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", sizeof(int), &durable), -EREMOTEIO);
    CHECK(strstr(async_strerror(-EREMOTEIO), "WAIT cannot be used") != NULL);
    async_redis_free_wait(redis);
    fake_close(&fake);
    return 0;
}

/* The server is killed amid puts, and the replica takes over. */
REAL_LOOP_TEST(redis_queue_that_is_durable_loses_no_put_at_a_failover)
{
    enum { TASKS = 10 };
    int acknowledged = 0;
    open_master();
    AUTO_CLOSE_SERVER(master);
    server_open_since(&replica, 7.0, "queues", replica_settings);
    AUTO_CLOSE_SERVER(replica);
    async_auto_wait_redis *redis = server_client(&master, NULL), *other = NULL;
    async_auto_queue *queue = open_queue(redis, &durable);
    {
        ASYNC_TASK_GROUP(tasks);
        for (int i = 0; i < TASKS; i++)
            async_group_create_task(&tasks, put_numbers, queue, i * 1000, &acknowledged);
        while (acknowledged < 50)
            CHECK_EQ(async_sleep(0.001), 0);
        server_kill(&master);
        CHECK_EQ(async_sleep(0.01), 0);
        async_group_cancel(&tasks);
        CHECK_EQ(async_group_wait(&tasks), 0);
    }
    async_auto_redis_reply *reply = NULL;
    int64_t count;
    other = server_client(&replica, NULL);
    CHECK_EQ(async_redis_command(other, NULL, "REPLICAOF NO ONE"), 0);
    CHECK_EQ(async_redis_command(other, &reply, "XLEN {jobs}:s"), 0);
    CHECK_EQ(async_redis_reply_integer(reply, &count), 0);
    CHECK(count >= acknowledged);
    return 0;
}

/* ---- the end of a queue --------------------------------------------------------------------- */

static int put(async_queue *queue)
{
    const int number = 7;
    return async_queue_put(queue, &number);
}
async_fn(put, async_queue *);

/* What a put waits for never comes. */
static void check_end(async_queue *queue, void (*end)(async_queue *queue), int error)
{
    async_task *task = async_create_task(put, queue);
    CHECK_EQ(async_sleep(0.2), 0);
    end(queue);
    CHECK_EQ(async_timeout(60, async_await(task)), error);
}

static void shut_down(async_queue *queue)
{
    async_queue_shutdown(queue, false);
}

REAL_LOOP_TEST(redis_queue_put_that_waits_for_a_replica_ends_with_the_queue)
{
    open_master();
    AUTO_CLOSE_SERVER(master);
    async_auto_wait_redis *redis = server_client(&master, NULL);
    async_auto_queue *queue = open_queue(redis, &durable);
    check_end(queue, shut_down, -ESHUTDOWN);
    check_end(open_queue(redis, &durable), async_queue_free, -ECANCELED);
    return 0;
}

REAL_LOOP_TEST(redis_queue_put_that_waits_for_redis_ends_with_the_queue)
{
    open_master();
    AUTO_CLOSE_SERVER(master);
    async_auto_wait_redis *redis = server_client(&master, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    async_queue *other = open_queue(redis, NULL);
    server_kill(&master);
    check_end(queue, shut_down, -ESHUTDOWN);
    check_end(other, async_queue_free, -ECANCELED);
    server_start(&master);
    return 0;
}
