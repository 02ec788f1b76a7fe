/*
 * test_redis_queue.c: queues in Redis: what is put is done, also if a task, a process or Redis
 * fails.
 */
#include "redis/redis_server.h"
#include <asyncio/redis_queue.h>
#include <stdlib.h>
#include <string.h>

struct job {
    int32_t number, other;
};

static struct redis_server server;

static void open_server(const char *extra)
{
    server_open_since(&server, 7.0, "queues", extra);
}

static async_queue *open_queue(async_redis *redis, const async_redis_queue_options *options)
{
    async_queue *queue;
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", sizeof(struct job), options), 0);
    return queue;
}

static void put_jobs(async_queue *queue, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_EQ(async_queue_put(queue, &(struct job){.number = i}), 0);
}

static int64_t ask_integer(async_redis *redis, const char *command)
{
    async_auto_redis_reply *reply = NULL;
    int64_t value;
    CHECK_EQ(async_redis_command(redis, &reply, command), 0);
    CHECK_EQ(async_redis_reply_integer(reply, &value), 0);
    return value;
}

REAL_LOOP_TEST(redis_queue_gives_what_was_put)
{
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    put_jobs(queue, 10);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:s"), 10);
    for (int i = 0; i < 10; i++) {
        async_redis_delivery delivery;
        CHECK_EQ(async_queue_get(queue, &job), 0);
        CHECK_EQ(job.number, i);
        CHECK_EQ(async_redis_queue_delivery(queue, &delivery), 0);
        CHECK_EQ(delivery.count, 1);
        async_queue_task_done(queue);
        CHECK_EQ(async_redis_queue_delivery(queue, &delivery), -ENOENT);
    }
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:s"), 0);
    CHECK_EQ(async_timeout(0.05, async_queue_get(queue, &job)), -ETIMEDOUT);
    CHECK_EQ(async_queue_get_nowait(queue, &job), -EAGAIN);
    CHECK_EQ(async_queue_put_nowait(queue, &job), -EOPNOTSUPP);
    return 0;
}

static int work(async_queue *queue, int *done)
{
    struct job job;
    for (;;) {
        ASYNC_TRY(async_queue_get(queue, &job));
        done[job.number]++;
        async_queue_task_done(queue);
    }
}
async_fn(work, async_queue *, int *);

static int put_some(async_queue *queue, int from, int count)
{
    for (int i = from; i < from + count; i++)
        ASYNC_TRY(async_queue_put(queue, &(struct job){.number = i}));
    return 0;
}
async_fn(put_some, async_queue *, int, int);

REAL_LOOP_TEST(redis_queue_serves_many_tasks)
{
    enum { JOBS = 2000, WORKERS = 20, PUTTERS = 10 };
    static int done[JOBS];
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    ASYNC_TASK_GROUP(workers);
    for (int i = 0; i < WORKERS; i++)
        async_group_create_task(&workers, work, queue, done);
    {
        ASYNC_TASK_GROUP(putters);
        for (int i = 0; i < PUTTERS; i++)
            async_group_create_task(&putters, put_some, queue, i * (JOBS / PUTTERS),
                                    JOBS / PUTTERS);
        CHECK_EQ(async_group_wait(&putters), 0);
    }
    CHECK_EQ(async_queue_join(queue), 0);
    for (int i = 0; i < JOBS; i++)
        CHECK_EQ(done[i], 1);
    async_group_cancel(&workers);
    CHECK_EQ(async_group_wait(&workers), 0);
    return 0;
}

/* ---- items that are not reported ------------------------------------------------------------ */

static int take_and_leave(async_queue *queue)
{
    struct job job;
    return async_queue_get(queue, &job);
}
async_fn(take_and_leave, async_queue *);

REAL_LOOP_TEST(redis_queue_gives_the_item_of_a_task_that_has_ended_to_another)
{
    struct job job;
    async_redis_delivery delivery;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    put_jobs(queue, 1);
    CHECK_EQ(async_await(async_create_task(take_and_leave, queue)), 0);
    CHECK_EQ(async_timeout(2, async_queue_get(queue, &job)), 0);
    CHECK_EQ(job.number, 0);
    CHECK_EQ(async_redis_queue_delivery(queue, &delivery), 0);
    CHECK_EQ(delivery.count, 1); /* giving back does not count */
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_that_is_freed_gives_its_items_back)
{
    enum { JOBS = 5 };
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *other = open_queue(redis, NULL);
    {
        async_auto_wait_redis *own = server_client(&server, NULL);
        async_auto_queue *queue = open_queue(own, NULL);
        put_jobs(queue, JOBS);
        for (int i = 0; i < JOBS; i++)
            CHECK_EQ(async_queue_get(queue, &job), 0);
        CHECK_EQ(async_timeout(0.05, async_queue_get(other, &job)), -ETIMEDOUT);
    }
    for (int i = 0; i < JOBS; i++) {
        CHECK_EQ(async_timeout(2, async_queue_get(other, &job)), 0);
        async_queue_task_done(other);
    }
    CHECK_EQ(async_queue_join(other), 0);
    async_auto_redis_reply *reply = NULL;
    CHECK_EQ(async_redis_command(redis, &reply, "XINFO CONSUMERS {jobs}:s w"), 0);
    CHECK_EQ(async_redis_reply_size(reply), 1); /* the freed one is forgotten */
    return 0;
}

REAL_LOOP_TEST(redis_queue_gives_an_item_back_whose_work_was_cancelled)
{
    struct job job;
    async_redis_delivery delivery;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    put_jobs(queue, 1);
    CHECK_EQ(async_queue_get(queue, &job), 0);
    async_queue_task_failed(queue, -ECANCELED);
    CHECK_EQ(async_timeout(2, async_queue_get(queue, &job)), 0);
    CHECK_EQ(async_redis_queue_delivery(queue, &delivery), 0);
    CHECK_EQ(delivery.count, 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

static int report_too_often(void)
{
    open_server(NULL);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    async_queue_task_done(queue);
    return 0;
}
async_fn(report_too_often);

DEATH_TEST(redis_queue_report_without_an_item_ends_the_program,
           "async_queue_task_done: this task has taken no item of the queue that is not reported")
{
    async_ignore(async_run(report_too_often));
}

/* ---- failures ------------------------------------------------------------------------------- */

REAL_LOOP_TEST(redis_queue_tries_a_failed_item_again_and_then_gives_it_up)
{
    enum { TRIES = 3 };
    const async_redis_queue_options options = {.tries = TRIES, .pause = 0.01};
    struct job job;
    async_redis_delivery first = {.count = 0}, delivery;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_jobs(queue, 1);
    for (int i = 1; i <= TRIES; i++) {
        CHECK_EQ(async_timeout(5, async_queue_get(queue, &job)), 0);
        CHECK_EQ(async_redis_queue_delivery(queue, &delivery), 0);
        CHECK_EQ(delivery.count, i);
        first = i == 1 ? delivery : first;
        CHECK_STR(delivery.id, first.id);
        async_queue_task_failed(queue, async_fail(-EIO, "the disk is on fire"));
    }
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:dead"), 1);
    async_auto_redis_reply *reply = NULL;
    const char *why;
    CHECK_EQ(async_redis_command(redis, &reply, "XRANGE {jobs}:dead - +"), 0);
    const async_redis_reply *entry = async_redis_reply_at(reply, 0);
    CHECK(async_redis_reply_text(async_redis_reply_get(async_redis_reply_at(entry, 1), "e"), &why) >
          0);
    CHECK_STR(why, "-EIO: the disk is on fire");
    return 0;
}

REAL_LOOP_TEST(redis_queue_takes_the_items_of_a_dead_process_after_the_lease)
{
    const async_redis_queue_options options = {.lease = 0.3, .tries = 2};
    struct job job;
    async_redis_delivery delivery;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_jobs(queue, 1);
    CHECK_EQ(async_redis_command(redis, NULL, "XREADGROUP GROUP w dead COUNT 1 STREAMS {jobs}:s >"),
             0);
    CHECK_EQ(async_timeout(5, async_queue_get(queue, &job)), 0);
    CHECK_EQ(async_redis_queue_delivery(queue, &delivery), 0);
    CHECK_EQ(delivery.count, 2);
    CHECK_EQ(async_sleep(1), 0); /* it is renewed */
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:s"), 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(ask_integer(redis, "EXISTS {jobs}:dead"), 0);
    return 0;
}

/* Seconds, because a busy machine may hold up a process for a part of one. */
REAL_LOOP_TEST(redis_queue_renews_a_short_lease_in_time)
{
    const async_redis_queue_options options = {.lease = 1};
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_jobs(queue, 1);
    CHECK_EQ(async_queue_get(queue, &job), 0);
    CHECK_EQ(async_sleep(0.4), 0); /* the two do not claim and renew at the same moments */
    async_auto_queue *other = open_queue(redis, &options);
    CHECK_EQ(async_timeout(2.5, async_queue_get(other, &job)), -ETIMEDOUT);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_gives_up_an_item_that_ends_its_process_each_time)
{
    enum { TRIES = 2 };
    const async_redis_queue_options options = {.lease = 0.1, .tries = TRIES};
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_jobs(queue, 1);
    CHECK_EQ(async_redis_command(redis, NULL, "XREADGROUP GROUP w one COUNT 1 STREAMS {jobs}:s >"),
             0);
    CHECK_EQ(async_redis_command(redis, NULL, "XAUTOCLAIM {jobs}:s w two 0 0"), 0);
    CHECK_EQ(async_timeout(1, async_queue_get(queue, &job)), -ETIMEDOUT);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:dead"), 1);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:s"), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_gives_no_item_of_another_layout)
{
    const async_redis_queue_options options = {.version = 2};
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *old = open_queue(redis, NULL), *queue = open_queue(redis, &options);
    put_jobs(old, 1);
    CHECK_EQ(async_redis_command(redis, NULL, "XADD {jobs}:s * b short"), 0);
    CHECK_EQ(async_timeout(1, async_queue_get(queue, &job)), -ETIMEDOUT);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:dead"), 2);
    CHECK_EQ(async_redis_command(redis, NULL, "XADD {jobs}:s * b 12345678"), 0); /* from Python */
    CHECK_EQ(async_timeout(1, async_queue_get(queue, &job)), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_of_texts_is_shared_with_other_languages)
{
    async_redis_item item = {.data = (char *)(uintptr_t) "{\"a\": 1}", .size = 8};
    async_queue *queue;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "texts", 0, NULL), 0);
    CHECK_EQ(async_queue_put(queue, &item), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "XADD {texts}:s * b %s", "from elsewhere"), 0);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_STR(item.data, "{\"a\": 1}");
    free(item.data);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    CHECK_STR(item.data, "from elsewhere");
    CHECK_EQ(item.size, strlen("from elsewhere"));
    free(item.data);
    async_queue_free(queue);
    return 0;
}

REAL_LOOP_TEST(redis_queue_goes_on_after_a_restart_of_redis)
{
    enum { JOBS = 200 };
    static int done[JOBS];
    const async_redis_options quick = {.longest_pause = 0.05};
    const async_redis_queue_options options = {.lease = 0.5};
    open_server("--appendonly yes --appendfsync always");
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, &quick);
    async_auto_queue *queue = open_queue(redis, &options);
    ASYNC_TASK_GROUP(workers);
    for (int i = 0; i < 5; i++)
        async_group_create_task(&workers, work, queue, done);
    async_task *putter = async_create_task(put_some, queue, 0, JOBS);
    CHECK_EQ(async_sleep(0.02), 0);
    server_kill(&server);
    CHECK_EQ(async_sleep(0.05), 0);
    server_start(&server);
    CHECK_EQ(async_await(putter), 0);
    CHECK_EQ(async_queue_join(queue), 0);
    for (int i = 0; i < JOBS; i++)
        CHECK(done[i] >= 1);
    async_group_cancel(&workers);
    CHECK_EQ(async_group_wait(&workers), 0);
    return 0;
}

/* ---- other ways to put ---------------------------------------------------------------------- */

REAL_LOOP_TEST(redis_queue_puts_later_and_once)
{
    struct job job = {.number = 1};
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    CHECK_EQ(async_redis_queue_put_later(queue, &job, 0.2), 0);
    CHECK_EQ(async_timeout(0.1, async_queue_get(queue, &job)), -ETIMEDOUT);
    CHECK_EQ(async_timeout(3, async_queue_get(queue, &job)), 0);
    CHECK_EQ(job.number, 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_redis_queue_put_once(queue, &job, "order-1"), 0);
    CHECK_EQ(async_redis_queue_put_once(queue, &job, "order-1"), -EALREADY);
    CHECK_EQ(async_redis_queue_put_once(queue, &job, "order-2"), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(async_timeout(3, async_queue_get(queue, &job)), 0);
        async_queue_task_done(queue);
    }
    CHECK_EQ(async_queue_join(queue), 0);
    CHECK_EQ(async_redis_queue_put_once(queue, &job, NULL), -EINVAL);
    CHECK_EQ(async_redis_queue_put_later(NULL, &job, 1), -EINVAL);
    return 0;
}

REAL_LOOP_TEST(redis_queue_with_a_limit_makes_puts_wait)
{
    const async_redis_queue_options options = {.maxsize = 2};
    struct job job = {.number = 5};
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    put_jobs(queue, 2);
    CHECK_EQ(async_timeout(0.1, async_queue_put(queue, &job)), -ETIMEDOUT);
    async_task *putter = async_create_task(put_some, queue, 7, 1);
    CHECK_EQ(async_queue_get(queue, &job), 0);
    async_queue_task_done(queue);
    CHECK_EQ(async_timeout(5, async_await(putter)), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_in_a_select_beside_a_local_one)
{
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL), *local = NULL;
    CHECK_EQ(async_queue_new(&local, 1, sizeof job), 0);
    put_jobs(queue, 1);
    CHECK_EQ(async_select(async_on_get(local, &job), async_on_get(queue, &job)), 1);
    async_queue_task_done(queue);
    CHECK_EQ(async_queue_put(local, &job), 0);
    CHECK_EQ(async_select(async_on_get(queue, &job), async_on_get(local, &job)), 1);
    CHECK_EQ(async_select(async_on_get(queue, &job), async_on_timeout(0.01)), 1);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}

static int forget_scripts(async_redis *redis)
{
    for (;;)
        ASYNC_TRY(async_redis_command(redis, NULL, "SCRIPT FLUSH"));
}
async_fn(forget_scripts, async_redis *);

/* As a restart of Redis at a bad moment. */
REAL_LOOP_TEST(redis_queue_puts_though_redis_forgets_scripts)
{
    enum { JOBS = 400, PUTTERS = 10 };
    const async_redis_queue_options options = {.maxsize = 2 * JOBS};
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_wait_redis *other = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, &options);
    async_task *forgetter = async_create_task(forget_scripts, other);
    {
        ASYNC_TASK_GROUP(putters);
        for (int i = 0; i < PUTTERS; i++)
            async_group_create_task(&putters, put_some, queue, 0, JOBS / PUTTERS);
        CHECK_EQ(async_group_wait(&putters), 0);
    }
    async_task_cancel(forgetter);
    CHECK_EQ(async_await(forgetter), -ECANCELED);
    CHECK_EQ(ask_integer(redis, "XLEN {jobs}:s"), JOBS);
    return 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

REAL_LOOP_TEST(redis_queue_that_is_shut_down_gives_nothing_more)
{
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    async_task *task = async_create_task(take_and_leave, queue);
    CHECK_EQ(async_sleep(0.01), 0);
    async_queue_shutdown(queue, false);
    CHECK_EQ(async_await(task), -ESHUTDOWN);
    CHECK_EQ(async_queue_get(queue, &job), -ESHUTDOWN);
    CHECK_EQ(async_queue_put(queue, &job), -ESHUTDOWN);
    return 0;
}

REAL_LOOP_TEST(redis_queue_can_be_left_while_redis_is_away)
{
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_redis *redis = server_client(&server, NULL);
    async_queue *queue = open_queue(redis, NULL);
    put_jobs(queue, 1);
    CHECK_EQ(take_and_leave(queue), 0);
    server_kill(&server);
    CHECK_EQ(async_sleep(0.05), 0);
    double before = async_time();
    async_queue_free(queue);
    async_redis_free_wait(redis);
    CHECK(async_time() - before < 4);
    server_start(&server);
    return 0;
}

REAL_LOOP_TEST(redis_queue_is_opened_while_the_memory_of_redis_is_used_up)
{
    struct job job;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_queue *queue = open_queue(redis, NULL);
    put_jobs(queue, 1);
    CHECK_EQ(async_redis_command(redis, NULL, "CONFIG SET maxmemory 1"), 0);
    async_auto_queue *other = open_queue(redis, NULL);
    CHECK_EQ(async_timeout(2, async_queue_get(other, &job)), 0);
    async_queue_task_done(other);
    CHECK_EQ(async_queue_join(other), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_refuses_a_server_that_evicts)
{
    async_queue *queue;
    open_server("--maxmemory-policy allkeys-lru");
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", 8, NULL), -EPERM);
    CHECK(strstr(async_strerror(-EPERM), "allkeys-lru") != NULL);
    const async_redis_queue_options options = {.any_eviction = true};
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", 8, &options), 0);
    async_queue_free(queue);
    CHECK_EQ(async_redis_queue_open(NULL, redis, "jobs", 8, NULL), -EINVAL);
    CHECK_EQ(async_redis_queue_open(&queue, NULL, "jobs", 8, NULL), -EINVAL);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "a{b", 8, NULL), -EINVAL);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "", 8, NULL), -EINVAL);
    return 0;
}

REAL_LOOP_TEST(redis_queue_refuses_a_server_before_7_0)
{
    async_queue *queue;
    if (server_version() >= 7.0)
        test_skip("only for a server before Redis 7.0");
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", 8, NULL), -EREMOTEIO);
    CHECK(strstr(async_strerror(-EREMOTEIO), "the queue needs scripts of Redis 7.0") != NULL);
    CHECK_EQ(ask_integer(redis, "EXISTS {jobs}:s"), 0);
    return 0;
}

REAL_LOOP_TEST(redis_queue_refuses_a_key_of_another_kind)
{
    async_queue *queue;
    open_server(NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    CHECK_EQ(async_redis_command(redis, NULL, "SET {jobs}:s 1"), 0);
    CHECK_EQ(async_redis_queue_open(&queue, redis, "jobs", 8, NULL), -EREMOTEIO);
    CHECK(strstr(async_strerror(-EREMOTEIO), "WRONGTYPE") != NULL);
    CHECK(strstr(async_strerror(-EREMOTEIO), "7.0") == NULL);
    return 0;
}
