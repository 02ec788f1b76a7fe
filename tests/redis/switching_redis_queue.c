/*
 * switching_redis_queue.c: the rows (switching.h) of the calls on queues in Redis, against a server
 * in a task of the scene. Each caller has a client and a queue of its own, whose tasks end before
 * the caller does.
 */
#include "redis/fake_redis.h"
#include "switching/switching.h"
#include <asyncio/redis_queue.h>

static struct fake_redis fake;

static void prepare_server(struct scene *scene)
{
    (void)scene;
    fake_open(&fake);
}

static void check_server(struct scene *scene)
{
    if (!scene->cut_off)
        fake_close(&fake);
}

static int open_queue(async_redis *redis, async_queue **queue)
{
    int result = async_redis_queue_open(queue, redis, "jobs", sizeof(int), NULL);
    CHECK((*queue != NULL) == (result == 0));
    return result;
}

/* At the end of the loop the server may end before a call that is shielded. */
static int unless_cut_off(const struct caller *caller, int result)
{
    return caller->scene->cut_off && result != -ECANCELED && result != -ETIMEDOUT ? 0 : result;
}

static int open_one(struct caller *caller)
{
    async_auto_wait_redis *redis = NULL;
    async_auto_queue *queue = NULL;
    int result = async_redis_connect(&redis, fake.url, NULL);
    if (result == 0)
        result = open_queue(redis, &queue);
    return unless_cut_off(caller, result);
}

SWITCHING_CALL(redis_queue_open, async_redis_queue_open, .kind = DEPENDS, .prepare = prepare_server,
               .make = open_one, .check = check_server);

/* Makes a call on an open queue. */
static int call_on_queue(struct caller *caller, int (*call)(async_queue *queue, const int *item))
{
    async_auto_wait_redis *redis = NULL;
    async_auto_queue *queue = NULL;
    int result = async_no_cancel(async_redis_connect(&redis, fake.url, NULL));
    if (result == 0)
        result = async_no_cancel(open_queue(redis, &queue));
    if (result == 0)
        result = call(queue, &caller->place);
    return unless_cut_off(caller, result);
}

static int put(async_queue *queue, const int *item)
{
    return async_queue_put(queue, item);
}

static int put_one(struct caller *caller)
{
    return call_on_queue(caller, put);
}

SWITCHING_CALL(put_into_a_queue_in_redis, async_queue_put, .kind = DEPENDS,
               .prepare = prepare_server, .make = put_one, .check = check_server);

static int put_later(async_queue *queue, const int *item)
{
    return async_redis_queue_put_later(queue, item, 5);
}

static int put_one_later(struct caller *caller)
{
    return call_on_queue(caller, put_later);
}

SWITCHING_CALL(redis_queue_put_later, async_redis_queue_put_later, .kind = DEPENDS,
               .prepare = prepare_server, .make = put_one_later, .check = check_server);

static int put_once(async_queue *queue, const int *item)
{
    return async_redis_queue_put_once(queue, item, "id");
}

static int put_one_once(struct caller *caller)
{
    return call_on_queue(caller, put_once);
}

SWITCHING_CALL(redis_queue_put_once, async_redis_queue_put_once, .kind = DEPENDS,
               .prepare = prepare_server, .make = put_one_once, .check = check_server);
