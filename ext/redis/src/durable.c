/*
 * ext/redis/src/durable.c: puts that return when replicas have the item, too. WAIT is about what
 * its own connection has written, and holds that up; therefore each such put has a connection of
 * the pool to itself until it returns.
 */
#include "queue.h"
#include <errno.h>

enum { WAIT_MS = 1000 };

struct durable_put {
    struct shared_queue *queue;
    const struct command *command;
    async_redis_reply **reply;
};

/* An answer is due within so many seconds. */
static int exchange_in_time(const struct durable_put *put, struct connection *connection,
                            const struct command *command, async_redis_reply **reply)
{
    double limit = put->queue->redis->settings.silence_limit + WAIT_MS / 1000.0;
    return redisp_exchange_in_time(connection, command, reply, limit);
}

static int ask_replicas(const struct durable_put *put, struct connection *connection,
                        async_redis_reply **reply)
{
    struct command command;
    redisp_command_open(&command);
    int result = redisp_command_add(&command, "WAIT %d %d", put->queue->durable, (int)WAIT_MS);
    if (result == 0)
        result = exchange_in_time(put, connection, &command, reply);
    redisp_command_close(&command);
    return result;
}

/* The reply becomes that of the put. */
static void replace_reply(const struct durable_put *put, async_redis_reply *reply)
{
    async_redis_reply_free(*put->reply);
    *put->reply = reply;
}

/* Second after second. If Redis refuses to wait, its sentence is the reply of the put. */
static int wait_for_replicas(const struct durable_put *put, struct connection *connection)
{
    for (;;) {
        async_redis_reply *reply = NULL;
        int64_t count = 0;
        ASYNC_TRY(ask_replicas(put, connection, &reply));
        if (async_redis_reply_type(reply) == ASYNC_REDIS_ERROR) {
            replace_reply(put, reply);
            return 0;
        }
        int result = async_redis_reply_integer(reply, &count);
        async_redis_reply_free(reply);
        if (result < 0 || count >= put->queue->durable)
            return result;
        ASYNC_TRY(redisp_check_open(put->queue));
    }
}

/* Nothing was written if the queue is full, or if it is an error of Redis. */
static bool has_written(const async_redis_reply *reply)
{
    enum async_redis_type type = async_redis_reply_type(reply);
    return type != ASYNC_REDIS_NIL && type != ASYNC_REDIS_ERROR;
}

static int put_and_wait(struct connection *connection, void *context)
{
    const struct durable_put *put = context;
    int result = exchange_in_time(put, connection, put->command, put->reply);
    if (result == 0 && has_written(*put->reply))
        result = wait_for_replicas(put, connection);
    if (result < 0)
        replace_reply(put, NULL);
    return result;
}

/* Whatever prevents a connection, or ends it, counts as its loss: Redis is away for a while. */
static int lost_or(int result)
{
    bool is_final = result == -ECANCELED || result == -ENOMEM || result == -EBADF ||
                    result == -EBADMSG || result == -ESHUTDOWN;
    return result < 0 && !is_final ? -ECONNRESET : result;
}

int redisp_run_durably(struct shared_queue *queue, async_redis_reply **reply,
                       const async_redis_script *script, const struct words *words)
{
    struct command command;
    async_redis_reply *got = NULL;
    struct durable_put put = {.queue = queue, .command = &command, .reply = &got};
    redisp_command_open(&command);
    int result = redisp_command_add_words_behind(&command, "EVAL", script->text, words->words,
                                                 words->count);
    if (result == 0)
        result = lost_or(redisp_pool_use(&queue->redis->pool, put_and_wait, &put));
    if (result == 0)
        result = redisp_take_reply(&command, got, reply);
    redisp_command_close(&command);
    return result;
}
