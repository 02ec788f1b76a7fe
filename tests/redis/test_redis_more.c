/*
 * test_redis_more.c: batches, transactions, scripts and subscriptions, against a real server.
 */
#include "redis/redis_server.h"
#include <string.h>

static struct redis_server server;

static async_redis_batch *batch_of(const char *first, const char *second)
{
    async_redis_batch *batch;
    CHECK_EQ(async_redis_batch_new(&batch), 0);
    CHECK_EQ(async_redis_batch_add(batch, "%s %s", first, "a"), 0);
    if (second != NULL)
        CHECK_EQ(async_redis_batch_add(batch, "%s %s", second, "a"), 0);
    return batch;
}

static int64_t integer_at(const async_redis_reply *reply, size_t index)
{
    int64_t value;
    CHECK_EQ(async_redis_reply_integer(async_redis_reply_at(reply, index), &value), 0);
    return value;
}

REAL_LOOP_TEST(redis_pipeline_gives_all_replies_as_one)
{
    enum { COUNT = 200 };
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_redis_batch *batch = NULL;
    CHECK_EQ(async_redis_batch_new(&batch), 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ(async_redis_batch_add(batch, "INCRBY a %d", i), 0);
    CHECK_EQ(async_redis_batch_add(batch, "LPUSH a x"), 0);
    CHECK_EQ(async_redis_batch_add(batch, "BLPOP"), 0);
    async_redis_reply *reply;
    CHECK_EQ(async_redis_pipeline(redis, &reply, batch), -EINVAL);
    async_redis_batch_free(batch);
    batch = batch_of("INCR", "LPUSH");
    for (int round = 1; round < 3; round++) {
        const char *text;
        CHECK_EQ(async_redis_pipeline(redis, &reply, batch), 0);
        CHECK_EQ(async_redis_reply_size(reply), 2);
        CHECK_EQ(integer_at(reply, 0), round);
        CHECK_EQ(async_redis_reply_text(async_redis_reply_at(reply, 1), &text), -EREMOTEIO);
        async_redis_reply_free(reply);
    }
    return 0;
}

REAL_LOOP_TEST(redis_transaction_is_executed_as_a_whole_or_not_at_all)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_auto_redis_batch *good = batch_of("INCR", "INCR"), *bad = batch_of("INCR", "NOSUCH");
    async_auto_redis_batch *empty = NULL;
    async_redis_reply *reply;
    CHECK_EQ(async_redis_transaction(redis, &reply, good), 0);
    CHECK_EQ(integer_at(reply, 1), 2);
    async_redis_reply_free(reply);
    CHECK_EQ(async_redis_transaction(redis, &reply, bad), -EREMOTEIO);
    CHECK(strstr(async_strerror(-EREMOTEIO), "the transaction: ERR unknown command ") != NULL);
    CHECK(strstr(async_strerror(-EREMOTEIO), "NOSUCH") != NULL);
    CHECK(reply == NULL);
    CHECK_EQ(async_redis_transaction(redis, &reply, good), 0);
    CHECK_EQ(integer_at(reply, 1), 4);
    async_redis_reply_free(reply);
    CHECK_EQ(async_redis_batch_new(&empty), 0);
    CHECK_EQ(async_redis_transaction(redis, &reply, empty), -EINVAL);
    CHECK_EQ(async_redis_transaction(redis, NULL, good), -EINVAL);
    CHECK_EQ(async_redis_batch_add(empty, "MULTI"), -EINVAL);
    CHECK_EQ(async_redis_batch_add(empty, "GET %y"), -EINVAL);
    CHECK_EQ(async_redis_transaction(redis, &reply, empty), -EINVAL);
    return 0;
}

static async_redis_script add = {.text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"};

/* Without MULTI the commands would be executed one by one. */
REAL_LOOP_TEST(redis_transaction_of_a_user_without_multi_executes_nothing)
{
    const async_redis_options limited = {.user = "limited", .password = "secret"};
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *all = server_client(&server, NULL);
    CHECK_EQ(async_redis_command(all, NULL, "ACL SETUSER limited on >secret ~* +@all -multi"), 0);
    async_auto_wait_redis *redis = server_client(&server, &limited);
    async_auto_redis_batch *batch = batch_of("INCR", "INCR");
    async_redis_reply *reply;
    CHECK_EQ(async_redis_transaction(redis, &reply, batch), -EACCES);
    CHECK_EQ(async_redis_command(all, &reply, "EXISTS a"), 0);
    int64_t exists;
    CHECK_EQ(async_redis_reply_integer(reply, &exists), 0);
    CHECK_EQ(exists, 0);
    async_redis_reply_free(reply);
    return 0;
}

REAL_LOOP_TEST(redis_script_is_sent_once_and_again_when_it_is_forgotten)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_redis_script wrong = {.text = "this is no Lua"}, none = {.text = NULL};
    async_redis_reply *reply;
    int64_t value;
    for (int i = 1; i < 4; i++) {
        CHECK_EQ(async_redis_eval(redis, &reply, &add, "1 %s %d", "sum", 5), 0);
        CHECK_EQ(async_redis_reply_integer(reply, &value), 0);
        CHECK_EQ(value, 5 * i);
        async_redis_reply_free(reply);
        if (i == 2)
            CHECK_EQ(async_redis_command(redis, NULL, "SCRIPT FLUSH"), 0);
    }
    CHECK_EQ(async_redis_eval(redis, NULL, &wrong, "0"), -EREMOTEIO);
    CHECK_EQ(async_redis_eval(redis, NULL, &none, "0"), -EINVAL);
    CHECK_EQ(async_redis_eval(redis, NULL, &add, "1 %s x", "sum"), -EREMOTEIO);
    return 0;
}

/* ---- subscriptions -------------------------------------------------------------------------- */

static void check_message(async_queue *queue, const char *channel, const char *pattern,
                          const char *payload)
{
    async_redis_message *message;
    CHECK_EQ(async_queue_get(queue, &message), 0);
    CHECK_STR(message->channel, channel);
    CHECK_STR(message->pattern, pattern);
    CHECK_STR(message->payload, payload);
    CHECK_EQ(message->size, payload != NULL ? strlen(payload) : 0);
    async_redis_message_free(message);
}

REAL_LOOP_TEST(redis_messages_come_to_queues)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_queue *news = NULL, *all = NULL;
    CHECK_EQ(async_queue_new(&news, 10, sizeof(async_redis_message *)), 0);
    CHECK_EQ(async_queue_new(&all, 10, sizeof(async_redis_message *)), 0);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_redis_subscription *first, *second, *third;
    CHECK_EQ(async_redis_subscribe(&first, redis, news, "news"), 0);
    CHECK_EQ(async_redis_psubscribe(&second, redis, all, "n*"), 0);
    CHECK_EQ(async_redis_subscribe(&third, redis, all, "news"), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH news %s", "one"), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH none %s", "two"), 0);
    check_message(news, "news", NULL, "one");
    check_message(all, "news", NULL, "one");
    check_message(all, "news", "n*", "one");
    check_message(all, "none", "n*", "two");
    async_redis_unsubscribe(third);
    CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH news %s", "three"), 0);
    check_message(news, "news", NULL, "three");
    check_message(all, "news", "n*", "three");
    async_redis_unsubscribe(first);
    async_redis_unsubscribe(second);
    CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH news four"), 0);
    CHECK(async_queue_empty(news) && async_queue_empty(all));
    CHECK_EQ(async_redis_subscribe(&first, redis, NULL, "news"), -EINVAL);
    CHECK_EQ(async_redis_subscribe(&first, redis, news, NULL), -EINVAL);
    CHECK_EQ(async_redis_subscribe(NULL, redis, news, "news"), -EINVAL);
    async_auto_queue *bytes = NULL;
    CHECK_EQ(async_queue_new(&bytes, 0, 1), 0);
    CHECK_EQ(async_redis_subscribe(&first, redis, bytes, "news"), -EINVAL);
    CHECK_EQ(async_redis_subscribe(&first, NULL, news, "news"), -EINVAL);
    return 0;
}

REAL_LOOP_TEST(redis_subscriptions_come_back_after_a_restart_and_say_so)
{
    const async_redis_options options = {.longest_pause = 0.05};
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_queue_new(&queue, 10, sizeof(async_redis_message *)), 0);
    async_auto_wait_redis *redis = server_client(&server, &options);
    async_redis_subscription *subscription;
    CHECK_EQ(async_redis_subscribe(&subscription, redis, queue, "news"), 0);
    server_kill(&server);
    server_start(&server);
    check_message(queue, NULL, NULL, NULL);
    int64_t receivers = 0;
    while (receivers == 0) {
        async_auto_redis_reply *reply = NULL;
        CHECK_EQ(async_redis_command(redis, &reply, "PUBLISH news again"), 0);
        CHECK_EQ(async_redis_reply_integer(reply, &receivers), 0);
    }
    check_message(queue, "news", NULL, "again");
    async_redis_unsubscribe(subscription);
    return 0;
}

static int subscribe_for_a_while(async_redis *redis, async_queue *queue)
{
    async_redis_subscription *subscription;
    ASYNC_TRY(async_redis_subscribe(&subscription, redis, queue, "news"));
    int result = async_sleep(1000);
    async_redis_unsubscribe(subscription);
    return result;
}
async_fn(subscribe_for_a_while, async_redis *, async_queue *);

REAL_LOOP_TEST(redis_subscriber_that_takes_nothing_can_be_left)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_queue_new(&queue, 1, sizeof(async_redis_message *)), 0);
    async_queue_on_drop(queue, async_redis_message_drop, NULL);
    async_redis *redis = server_client(&server, NULL);
    CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH news nobody"), 0);
    async_task *task = async_create_task(subscribe_for_a_while, redis, queue);
    CHECK_EQ(async_sleep(0.05), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH news x"), 0);
    CHECK_EQ(async_sleep(0.01), 0);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    async_redis_free_wait(redis);
    CHECK_EQ(async_queue_qsize(queue), 1); /* dropped with the queue */
    return 0;
}

REAL_LOOP_TEST(redis_subscription_that_is_refused_fails)
{
    server_open_since(&server, 6.2, "channels that a user may not read",
                      "--user default on nopass '~*' resetchannels +@all");
    AUTO_CLOSE_SERVER(server);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_queue_new(&queue, 1, sizeof(async_redis_message *)), 0);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_redis_subscription *subscription;
    CHECK_EQ(async_redis_subscribe(&subscription, redis, queue, "news"), -EACCES);
    CHECK(subscription == NULL);
    return 0;
}

static int subscribe(async_redis *redis, async_queue *queue, const char *channel)
{
    async_redis_subscription *subscription;
    int result = async_redis_subscribe(&subscription, redis, queue, channel);
    async_redis_unsubscribe(subscription);
    return result;
}
async_fn(subscribe, async_redis *, async_queue *, const char *);

/* Redis's error does not name the channel. */
REAL_LOOP_TEST(redis_subscription_beside_one_that_is_refused_succeeds)
{
    const async_redis_options limited = {.user = "limited", .password = "secret"};
    server_open_since(&server, 6.2, "channels that a user may not read", NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_wait_redis *all = server_client(&server, NULL);
    CHECK_EQ(async_redis_command(all, NULL,
                                 "ACL SETUSER limited on >secret resetchannels &good* ~* +@all"),
             0);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_queue_new(&queue, 10, sizeof(async_redis_message *)), 0);
    async_auto_wait_redis *redis = server_client(&server, &limited);
    async_task *first = async_create_task(subscribe, redis, queue, "good1");
    async_task *bad = async_create_task(subscribe, redis, queue, "bad");
    async_task *last = async_create_task(subscribe, redis, queue, "good2");
    CHECK_EQ(async_await(first), 0);
    CHECK_EQ(async_await(bad), -EACCES);
    CHECK(strstr(async_strerror(-EACCES), "the subscription to bad: -EACCES: NOPERM") != NULL);
    CHECK_EQ(async_await(last), 0);
    return 0;
}

REAL_LOOP_TEST(redis_subscription_fails_if_the_login_is_refused)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_queue_new(&queue, 10, sizeof(async_redis_message *)), 0);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    CHECK_EQ(async_redis_command(redis, NULL, "CONFIG SET requirepass secret"), 0);
    CHECK_EQ(async_timeout(5, subscribe(redis, queue, "news")), -EACCES);
    return 0;
}

/* Its task waits for room for the message that says so. */
REAL_LOOP_TEST(redis_subscription_can_be_freed_while_it_comes_back)
{
    server_open(&server, NULL);
    AUTO_CLOSE_SERVER(server);
    async_auto_queue *queue = NULL;
    CHECK_EQ(async_queue_new(&queue, 1, sizeof(async_redis_message *)), 0);
    async_auto_wait_redis *redis = server_client(&server, NULL);
    async_redis_subscription *subscription;
    CHECK_EQ(async_redis_subscribe(&subscription, redis, queue, "news"), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "PUBLISH news one"), 0);
    while (!async_queue_full(queue))
        CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "CLIENT KILL TYPE pubsub"), 0);
    CHECK_EQ(async_sleep(0.3), 0);
    async_redis_unsubscribe(subscription);
    check_message(queue, "news", NULL, "one");
    check_message(queue, NULL, NULL, NULL);
    CHECK_EQ(async_sleep(0.01), 0);
    return 0;
}
