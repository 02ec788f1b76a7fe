/*
 * test_redis_priority.c: queues in Redis with priorities, the limit of all kinds of puts, and
 * consumers of processes that have ended.
 */
#include "redis/redis_server.h"
#include <asyncio/redis_queue.h>
#include <string.h>

struct job {
    int32_t number, priority;
};

static struct redis_server server;

static int priority_of(const void *item)
{
    return ((const struct job *)item)->priority;
}

static const async_redis_queue_options three = {
    .priorities = 3, .priority = priority_of, .pause = 0.05, .lease = 0.3};

static async_queue *open_queue(async_redis *redis, const async_redis_queue_options *options)
{
    async_queue *queue;
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", sizeof(struct job), options), 0);
    return queue;
}

static void put_job(async_queue *queue, int number, int priority)
{
    const struct job job = {.number = number, .priority = priority};
    CHECK_EQ(async_queue_put(queue, &job), 0);
}

/* Takes the next item; its number. */
static int take(async_queue *queue)
{
    struct job job;
    CHECK_EQ(async_timeout(10, async_queue_get(queue, &job)), 0);
    return job.number;
}

static int64_t ask(async_redis *redis, const char *command)
{
    async_auto_redis_reply *reply = NULL;
    int64_t value;
    CHECK_EQ(async_redis_command(redis, &reply, command), 0);
    CHECK_EQ(async_redis_reply_integer(reply, &value), 0);
    return value;
}

/* ---- priorities ----------------------------------------------------------------------------- */

/* Number 5 and 6 count as those of the nearest priority. */
REAL_LOOP_TEST(redis_queue_gives_the_items_of_the_first_priority_first)
{
    static const int priorities[] = {2, 1, 0, 1, 0, 99, -1}, order[] = {2, 4, 6, 1, 3, 0, 5};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &three);
    for (int i = 0; i < 7; i++)
        put_job(queue, i, priorities[i]);
    for (int i = 0; i < 7; i++) {
        CHECK_EQ(take(queue), order[i]);
        async_queue_task_done(queue);
    }
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

static int take_and_note(async_queue *queue, int *numbers, int place)
{
    numbers[place] = take(queue);
    async_queue_task_done(queue);
    return 0;
}
async_fn(take_and_note, async_queue *, int *, int);

REAL_LOOP_TEST(redis_queue_with_priorities_serves_tasks_that_wait_already)
{
    enum { TASKS = 6 };
    int numbers[TASKS], count[TASKS] = {0};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &three);
    {
        ASYNC_TASK_GROUP(tasks);
        for (int i = 0; i < TASKS; i++)
            async_group_create_task(&tasks, take_and_note, queue, numbers, i);
        CHECK_EQ(async_sleep(0.05), 0); /* the read blocks */
        for (int i = 0; i < TASKS; i++)
            put_job(queue, i, i % 3);
        CHECK_EQ(async_group_wait(&tasks), 0);
    }
    for (int i = 0; i < TASKS; i++)
        count[numbers[i]]++;
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(count[i], 1);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_keeps_the_priority_of_items_for_later_and_of_those_tried_again)
{
    struct job later = {.number = 2, .priority = 2};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &three);
    put_job(queue, 1, 1);
    CHECK_EQ(take(queue), 1);
    async_queue_task_failed(queue, -EIO);
    CHECK_EQ(async_redis_queue_put_later(queue, &later, 0.05), 0);
    while (ask(redis, "XLEN {jobs}:s1") != 1 || ask(redis, "XLEN {jobs}:s2") != 1)
        CHECK_EQ(async_sleep(0.02), 0);
    CHECK_EQ(ask(redis, "XLEN {jobs}:s"), 0);
    CHECK_EQ(take(queue), 1);
    async_queue_task_done(queue);
    CHECK_EQ(take(queue), 2);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

/* Given back by a task that ends, and claimed from a process that has ended. */
REAL_LOOP_TEST(redis_queue_takes_back_items_of_each_priority)
{
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &three);
    put_job(queue, 1, 1);
    CHECK_EQ(async_redis_command(redis, NULL, "XREADGROUP GROUP w dead STREAMS {jobs}:s1 >"), 0);
    CHECK_EQ(take(queue), 1);
    CHECK_EQ(async_sleep(1), 0); /* it is renewed */
    CHECK_EQ(ask(redis, "XLEN {jobs}:s1"), 1);
    async_queue_free(queue);
    queue = open_queue(redis, &three);
    CHECK_EQ(take(queue), 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

LOOP_TEST(redis_queue_refuses_a_number_of_priorities_out_of_range)
{
    async_queue *queue;
    const async_redis_queue_options many = {.priorities = 17}, negative = {.priorities = -1};
    CHECK_EQ(async_redis_queue_open(&queue, NULL, "jobs", 1, &many), -EINVAL);
    CHECK_STR(async_strerror(-EINVAL),
              "-EINVAL: async_redis_queue_open: options.priorities is from 0 to 16");
    CHECK_EQ(async_redis_queue_open(&queue, NULL, "jobs", 1, &negative), -EINVAL);
    return 0;
}

/* ---- the limit ------------------------------------------------------------------------------ */

/* A put once that has waited in vain has left no mark: the next one puts. */
REAL_LOOP_TEST(redis_queue_with_a_limit_makes_all_kinds_of_puts_wait)
{
    const async_redis_queue_options options = {
        .maxsize = 2, .priorities = 2, .priority = priority_of};
    const struct job job = {.number = 3, .priority = 1};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_job(queue, 0, 0);
    CHECK_EQ(async_redis_queue_put_later(queue, &job, 100), 0);
    CHECK_EQ(async_timeout(0.1, async_queue_put(queue, &job)), -ETIMEDOUT);
    CHECK_EQ(async_timeout(0.1, async_redis_queue_put_later(queue, &job, 100)), -ETIMEDOUT);
    CHECK_EQ(async_timeout(0.1, async_redis_queue_put_once(queue, &job, "a")), -ETIMEDOUT);
    CHECK_EQ(take(queue), 0);
    async_queue_task_done(queue);
    CHECK_EQ(async_redis_queue_put_once(queue, &job, "a"), 0);
    CHECK_EQ(async_timeout(0.1, async_redis_queue_put_once(queue, &job, "a")), -EALREADY);
    CHECK_EQ(take(queue), 3);
    async_queue_task_done(queue);
    return 0;
}

/* ---- consumers ------------------------------------------------------------------------------ */

REAL_LOOP_TEST(redis_queue_forgets_the_consumers_of_processes_that_have_ended)
{
    const async_redis_queue_options options = {.lease = 0.1};
    server_open_since(&server, 7.0, "queues", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_job(queue, 1, 0);
    CHECK_EQ(async_redis_command(redis, NULL, "XREADGROUP GROUP w dead STREAMS {jobs}:s >"), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "XGROUP CREATECONSUMER {jobs}:s w idle"), 0);
    CHECK_EQ(take(queue), 1);
    for (size_t count = 3; count > 1;) {
        async_auto_redis_reply *reply = NULL;
        CHECK_EQ(async_sleep(0.05), 0);
        CHECK_EQ(async_redis_command(redis, &reply, "XINFO CONSUMERS {jobs}:s w"), 0);
        count = async_redis_reply_size(reply);
        CHECK(count >= 1); /* this process has an item */
    }
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}
