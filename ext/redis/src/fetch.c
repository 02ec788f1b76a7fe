/*
 * ext/redis/src/fetch.c: the task that takes new items from Redis, as many as tasks wait for, on a
 * connection of its own that blocks.
 */
#include "queue.h"
#include <errno.h>

enum { MOST_AT_ONCE = 1000, BLOCK_MS = 2000 };

static bool goes_on(const struct shared_queue *queue)
{
    return queue->queue != NULL && !queue->is_shut_down && !queue->redis->is_over;
}

/* [[stream, entries]], or a map. */
static const async_redis_reply *entries_of(const async_redis_reply *reply)
{
    return async_redis_reply_type(reply) == ASYNC_REDIS_MAP
               ? async_redis_reply_at(reply, 1)
               : async_redis_reply_at(async_redis_reply_at(reply, 0), 1);
}

static int ask(struct shared_queue *queue, size_t count, async_redis_reply **reply)
{
    struct command command;
    struct async_redis_reply *got;
    redisp_command_open(&command);
    int result = redisp_command_add(&command,
                                    "XREADGROUP GROUP w %s COUNT %zu BLOCK %d STREAMS %s >",
                                    queue->consumer, count, BLOCK_MS, queue->stream);
    if (result == 0)
        result = async_timeout(BLOCK_MS / 1000.0 + queue->redis->settings.silence_limit,
                               redisp_pool_exchange(&queue->redis->pool, &command, &got));
    if (result == 0)
        result = redisp_take_reply(&command, got, reply);
    redisp_command_close(&command);
    return result;
}

static int take(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    size_t waiting = async_queue_waiting(queue->queue);
    ASYNC_TRY(ask(queue, waiting < MOST_AT_ONCE ? waiting : MOST_AT_ONCE, &reply));
    const async_redis_reply *entries = entries_of(reply);
    for (size_t i = 0; i < async_redis_reply_size(entries); i++)
        redisp_deliver(queue, async_redis_reply_at(entries, i), 1);
    return 0;
}

/* What is done and not reported would be done again if this process were killed. */
static bool is_wanted(const struct shared_queue *queue)
{
    return async_queue_waiting(queue->queue) > 0 && queue->report_count < MOST_UNREPORTED;
}

/* Waits until a task waits for an item. */
static int wait_for_demand(struct shared_queue *queue)
{
    while (goes_on(queue) && !is_wanted(queue)) {
        async_event_clear(&queue->wanted);
        ASYNC_TRY(async_event_wait(&queue->wanted));
    }
    return 0;
}

/* After a failure: the group may be gone with its data; or Redis is away for a while. */
static int recover(struct shared_queue *queue, int error, double *pause)
{
    if (error == -ECANCELED)
        return error;
    if (error == -ENOENT && redisp_create_group(queue) == 0)
        return 0;
    double now = redisp_pause(queue->redis, *pause);
    *pause *= 2;
    return async_sleep(now);
}

int redisp_fetch(void *argument)
{
    struct shared_queue *queue = argument;
    double pause = REDISP_FIRST_PAUSE;
    int result = 0;
    while (result == 0 && goes_on(queue)) {
        result = wait_for_demand(queue);
        if (result < 0 || !goes_on(queue))
            break;
        int taken = take(queue);
        if (taken == 0)
            pause = REDISP_FIRST_PAUSE;
        else
            result = recover(queue, taken, &pause);
    }
    redisp_end_task(&queue->fetcher, &queue->fetcher_ended);
    redisp_queue_release(queue);
    return 0;
}
