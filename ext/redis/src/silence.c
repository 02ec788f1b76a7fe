/*
 * ext/redis/src/silence.c: notices that nothing moves on the shared connection although replies are
 * due. A server that was stopped, or hangs, keeps its connections; TCP cannot tell.
 *
 * Twice in the limit the bytes received, and those that the peer has taken, are compared with the
 * last look. A timer runs only
 * while replies are due, so an idle client keeps no loop awake.
 */
#include "client.h"
#include <errno.h>
#include <math.h>

enum { LOOKS = 2 };

static void look(void *client);

static void look_later(struct async_redis *redis)
{
    redis->silence.progress = redisp_progress(&redis->connection);
    redis->silence.timer = async_call_later(redis->settings.silence_limit / LOOKS, look, redis);
}

static void look(void *client)
{
    struct async_redis *redis = client;
    struct silence *silence = &redis->silence;
    silence->timer = (async_handle){0};
    if (redis->first == NULL || !redis->is_up)
        return;
    bool is_silent = redisp_progress(&redis->connection) == silence->progress;
    silence->looks = is_silent ? silence->looks + 1 : 0;
    if (silence->looks < LOOKS) {
        look_later(redis);
        return;
    }
    silence->is_lost = true;
    async_stream_abort(redis->connection.stream); /* the receiver connects again */
}

void redisp_watch_silence(struct async_redis *redis)
{
    if (redis->silence.timer.id != 0 || isinf(redis->settings.silence_limit))
        return;
    redis->silence.looks = 0;
    look_later(redis);
}

void redisp_end_silence(struct async_redis *redis)
{
    async_handle_cancel(redis->silence.timer);
    redis->silence.timer = (async_handle){0};
}

int redisp_explain_silence(struct async_redis *redis, int error)
{
    if (!redis->silence.is_lost)
        return error;
    redis->silence.is_lost = false;
    return redisp_fail_silent(&redis->settings);
}

int redisp_fail_silent(const struct settings *settings)
{
    return async_fail(-ETIMEDOUT,
                      "nothing has come from Redis for %g seconds, although a reply is due",
                      settings->silence_limit);
}
