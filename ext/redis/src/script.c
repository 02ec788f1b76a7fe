/*
 * ext/redis/src/script.c: scripts by their hash. A server that was restarted does not know them any
 * more; then the text is sent again.
 */
#include "client.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>

/* Loops in different threads may use a script. */
static pthread_mutex_t hashes = PTHREAD_MUTEX_INITIALIZER;

/* What follows the hash: number of keys, keys, other arguments. */
struct rest {
    const char *format; /* NULL: words */
    va_list arguments;
    const struct iovec *words;
    size_t count;
};

/* Loads the text; the reply is its hash. */
static int load(struct async_redis *redis, async_redis_script *script)
{
    struct command command;
    async_auto_redis_reply *reply = NULL;
    const char *hash;
    redisp_command_open(&command);
    int result = redisp_command_add(&command, "SCRIPT LOAD %s", script->text);
    if (result == 0)
        result = redisp_call_one(redis, &command, &reply);
    redisp_command_close(&command);
    ASYNC_TRY(result);
    int size = async_redis_reply_text(reply, &hash);
    if (size < 0 || (size_t)size >= sizeof script->asyncp_hash)
        return async_fail(-EPROTO, "SCRIPT LOAD gives no hash");
    pthread_mutex_lock(&hashes);
    memcpy(script->asyncp_hash, hash, (size_t)size + 1);
    pthread_mutex_unlock(&hashes);
    return 0;
}

static bool is_unknown(const struct async_redis_reply *reply)
{
    return reply->type == ASYNC_REDIS_ERROR && strncmp(reply->value.text, "NOSCRIPT", 8) == 0;
}

/* EVAL and the text, or EVALSHA and the hash. */
static int write_call(struct command *command, const char *name, const char *script,
                      struct rest *rest)
{
    if (rest->format == NULL)
        return redisp_command_add_words_behind(command, name, script, rest->words, rest->count);
    return redisp_command_vadd_behind(command, name, script, rest->format, rest->arguments);
}

/* -ENOEXEC: the server does not know the hash. */
static int run_once(struct async_redis *redis, async_redis_reply **reply, const char *name,
                    const char *script, struct rest *rest)
{
    struct command command;
    struct async_redis_reply *got;
    redisp_command_open(&command);
    int result = write_call(&command, name, script, rest);
    if (result == 0)
        result = redisp_call(redis, &command, &got, 1);
    if (result == 0 && is_unknown(got)) {
        async_redis_reply_free(got);
        result = -ENOEXEC;
    } else if (result == 0) {
        result = redisp_take_reply(&command, got, reply);
    }
    redisp_command_close(&command);
    return result;
}

/* -ENOEXEC: it is not known. */
static int run_by_hash(struct async_redis *redis, async_redis_reply **reply,
                       const async_redis_script *script, struct rest *rest)
{
    char hash[sizeof script->asyncp_hash];
    pthread_mutex_lock(&hashes);
    memcpy(hash, script->asyncp_hash, sizeof hash);
    pthread_mutex_unlock(&hashes);
    return hash[0] != 0 ? run_once(redis, reply, "EVALSHA", hash, rest) : -ENOEXEC;
}

/* If the server has forgotten it since it was loaded, the text goes with the call. */
static int run_script(struct async_redis *redis, async_redis_reply **reply,
                      async_redis_script *script, struct rest *rest)
{
    int result = run_by_hash(redis, reply, script, rest);
    if (result != -ENOEXEC)
        return result;
    ASYNC_TRY(load(redis, script));
    result = run_by_hash(redis, reply, script, rest);
    return result == -ENOEXEC ? run_once(redis, reply, "EVAL", script->text, rest) : result;
}

int redisp_eval_words(struct async_redis *redis, async_redis_reply **reply,
                      async_redis_script *script, const struct iovec *words, size_t count)
{
    struct rest rest = {.words = words, .count = count};
    if (reply != NULL)
        *reply = NULL;
    return run_script(redis, reply, script, &rest);
}

int async_redis_eval(async_redis *redis, async_redis_reply **reply, async_redis_script *script,
                     const char *format, ...)
{
    struct rest rest = {.format = format != NULL ? format : ""};
    if (reply != NULL)
        *reply = NULL;
    if (script == NULL || script->text == NULL)
        return async_fail(-EINVAL, "async_redis_eval: the script or its text is NULL");
    ASYNC_TRY(redisp_hold(redis, "async_redis_eval"));
    va_start(rest.arguments, format);
    int result = run_script(redis, reply, script, &rest);
    va_end(rest.arguments);
    redisp_release(redis);
    return result;
}
