/*
 * switching_redis.c: the rows (switching.h) of the calls of the Redis client, against a server in a
 * task of the scene.
 */
#include "redis/fake_redis.h"
#include "switching/switching.h"

static struct fake_redis fake;
static async_redis *redis;
static async_queue *queue;
static async_redis_batch *batch;

/* What the end of a loop has left of the scene before. */
static void free_rest(void)
{
    async_redis_free_wait(redis);
    async_queue_free(queue);
    async_redis_batch_free(batch);
    redis = NULL;
    queue = NULL;
    batch = NULL;
}

static void prepare_server(struct scene *scene)
{
    (void)scene;
    free_rest();
    fake_open(&fake);
}

static void prepare_client(struct scene *scene)
{
    prepare_server(scene);
    redis = fake_client(&fake, NULL);
    CHECK_EQ(async_queue_new(&queue, 0, sizeof(async_redis_message *)), 0);
    CHECK_EQ(async_redis_batch_new(&batch), 0);
    CHECK_EQ(async_redis_batch_add(batch, "SET a 1"), 0);
}

static void check_client(struct scene *scene)
{
    if (scene->cut_off)
        return;
    if (redis != NULL)
        CHECK_EQ(async_redis_command(redis, NULL, "SET b 1"), 0);
    free_rest();
    fake_close(&fake);
}

/* At the end of the loop the server may end before a call that is shielded. */
static int unless_cut_off(const struct caller *caller, int result)
{
    return result == -ECONNRESET && caller->scene->cut_off ? 0 : result;
}

static int connect_one(struct caller *caller)
{
    async_redis *other;
    int result = async_redis_connect(&other, fake.url, NULL);
    CHECK((other != NULL) == (result == 0));
    async_redis_free_wait(other);
    return unless_cut_off(caller, result);
}

SWITCHING_CALL(redis_connect, async_redis_connect, .kind = DEPENDS, .prepare = prepare_server,
               .make = connect_one, .check = check_client);

static int free_one(struct caller *caller)
{
    async_redis *other;
    ASYNC_TRY(unless_cut_off(caller, async_redis_connect(&other, fake.url, NULL)));
    async_redis_free_wait(other);
    return 0;
}

SWITCHING_CALL(redis_free_wait, async_redis_free_wait, .kind = DEPENDS, .prepare = prepare_server,
               .make = free_one, .check = check_client);

static int command(struct caller *caller)
{
    async_auto_redis_reply *reply = NULL;
    (void)caller;
    int result = async_redis_command(redis, &reply, "SET a 1");
    CHECK((reply != NULL) == (result == 0));
    return result;
}

SWITCHING_CALL(redis_command, async_redis_command, .kind = DEPENDS, .prepare = prepare_client,
               .make = command, .check = check_client);

static int pass_on(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = async_redis_vcommand(redis, NULL, format, arguments);
    va_end(arguments);
    return result;
}

static int vcommand(struct caller *caller)
{
    return pass_on("SET a %d", caller->place);
}

SWITCHING_CALL(redis_vcommand, async_redis_vcommand, .kind = DEPENDS, .prepare = prepare_client,
               .make = vcommand, .check = check_client);

static int command_words(struct caller *caller)
{
    const struct iovec words[] = {{(void *)"GET", 3}, {(void *)"a", 1}};
    (void)caller;
    return async_redis_command_words(redis, NULL, words, 2);
}

SWITCHING_CALL(redis_command_words, async_redis_command_words, .kind = DEPENDS,
               .prepare = prepare_client, .make = command_words, .check = check_client);

static int blocking_command(struct caller *caller)
{
    return unless_cut_off(caller, async_redis_blocking_command(redis, NULL, "BLPOP a 0"));
}

SWITCHING_CALL(redis_blocking_command, async_redis_blocking_command, .kind = DEPENDS,
               .prepare = prepare_client, .make = blocking_command, .check = check_client);

static int pipeline(struct caller *caller)
{
    async_auto_redis_reply *reply = NULL;
    (void)caller;
    return async_redis_pipeline(redis, &reply, batch);
}

SWITCHING_CALL(redis_pipeline, async_redis_pipeline, .kind = DEPENDS, .prepare = prepare_client,
               .make = pipeline, .check = check_client);

static int transaction(struct caller *caller)
{
    async_auto_redis_reply *reply = NULL;
    (void)caller;
    return async_redis_transaction(redis, &reply, batch);
}

SWITCHING_CALL(redis_transaction, async_redis_transaction, .kind = DEPENDS,
               .prepare = prepare_client, .make = transaction, .check = check_client);

static int eval(struct caller *caller)
{
    static async_redis_script script = {.text = "return 1"};
    (void)caller;
    return async_redis_eval(redis, NULL, &script, "0");
}

SWITCHING_CALL(redis_eval, async_redis_eval, .kind = DEPENDS, .prepare = prepare_client,
               .make = eval, .check = check_client);

static int subscribe(struct caller *caller)
{
    async_redis_subscription *subscription;
    (void)caller;
    int result = async_redis_subscribe(&subscription, redis, queue, "news");
    CHECK((subscription != NULL) == (result == 0));
    async_redis_unsubscribe(subscription);
    return result;
}

SWITCHING_CALL(redis_subscribe, async_redis_subscribe, .kind = DEPENDS, .prepare = prepare_client,
               .make = subscribe, .check = check_client);

static int psubscribe(struct caller *caller)
{
    async_redis_subscription *subscription;
    (void)caller;
    int result = async_redis_psubscribe(&subscription, redis, queue, "n*");
    CHECK((subscription != NULL) == (result == 0));
    async_redis_unsubscribe(subscription);
    return result;
}

SWITCHING_CALL(redis_psubscribe, async_redis_psubscribe, .kind = DEPENDS, .prepare = prepare_client,
               .make = psubscribe, .check = check_client);
