/*
 * ext/redis/src/client.c: the shared connection: calls and their replies, and connecting again.
 */
#include "client.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PENDING = 1 << 20, DEFAULT_POOL = 128 };
static const double DEFAULT_LONGEST_PAUSE = 1;

/* ---- references ----------------------------------------------------------------------------- */

int redisp_hold(struct async_redis *redis, const char *call)
{
    if (redis == NULL)
        return async_fail(-EINVAL, "%s: the client is NULL; check async_redis_connect", call);
    if (async_get_loop() == NULL)
        return async_fail(-EXDEV, "%s: no loop runs in this thread; call it from a task", call);
    if (redis->loop != async_get_loop())
        return async_fail(-EXDEV, "%s: the client belongs to another loop; connect one here", call);
    redis->references++;
    return 0;
}

static void free_spare_calls(struct async_redis *redis)
{
    while (redis->spare != NULL) {
        struct call *next = redis->spare->next;
        free(redis->spare);
        redis->spare = next;
    }
}

void redisp_release(struct async_redis *redis)
{
    if (--redis->references > 0)
        return;
    free_spare_calls(redis);
    free(redis->subscriber);
    redisp_settings_close(&redis->settings);
    free(redis);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

/* A task gives up its own handle: a client that is freed later has none of a loop that is gone. */
void redisp_end_task(async_task **task, async_event *ended)
{
    async_task_detach(*task);
    *task = NULL;
    async_event_set(ended);
}

void redisp_cancel_task(async_task *task, async_event *ended)
{
    if (task == NULL)
        return;
    async_task_cancel(task);
    async_ignore(async_no_cancel(async_event_wait(ended)));
}

/* ---- calls ---------------------------------------------------------------------------------- */

static struct call *new_call(struct async_redis *redis, struct async_redis_reply **replies,
                             size_t expected)
{
    struct call *call = redis->spare;
    if (call != NULL)
        redis->spare = call->next;
    else if ((call = redisp_realloc(NULL, sizeof *call)) == NULL)
        return NULL;
    *call = (struct call){.replies = replies, .expected = expected};
    return call;
}

static void free_call(struct async_redis *redis, struct call *call)
{
    call->next = redis->spare;
    redis->spare = call;
}

static void append_call(struct async_redis *redis, struct call *call)
{
    *redis->last = call;
    redis->last = &call->next;
    redisp_watch_silence(redis);
}

/* The first call ends: with all its replies, or an error. */
static void end_first(struct async_redis *redis, int error)
{
    struct call *call = redis->first;
    redis->first = call->next;
    if (redis->first == NULL) {
        redis->last = &redis->first;
        redisp_end_silence(redis);
    }
    call->error = error;
    if (call->is_abandoned)
        free_call(redis, call);
    else
        async_event_set(&call->ended);
}

static void end_all_calls(struct async_redis *redis, int error)
{
    while (redis->first != NULL)
        end_first(redis, error);
}

/* Gives a reply to the call that waits for it. */
static int deliver(struct async_redis *redis, struct async_redis_reply *reply)
{
    struct call *call = redis->first;
    if (reply->type == ASYNC_REDIS_PUSH) {
        async_redis_reply_free(reply);
        return 0;
    }
    if (call == NULL) {
        async_redis_reply_free(reply);
        return async_fail(-EPROTO, "the server has sent a reply to no command");
    }
    size_t index = call->received++;
    if (call->is_abandoned)
        async_redis_reply_free(reply);
    else
        call->replies[index] = reply;
    if (call->received == call->expected)
        end_first(redis, 0);
    return 0;
}

/* ---- the receiving task --------------------------------------------------------------------- */

static void tell_change(struct async_redis *redis, int error)
{
    if (redis->on_change != NULL && !redis->is_over)
        redis->on_change(redis, error, redis->context);
}

static void set_up(struct async_redis *redis)
{
    redis->is_up = true;
    redis->allows_multi = false;
    async_event_set(&redis->changed);
}

static int receive_replies(struct async_redis *redis)
{
    struct async_redis_reply *reply;
    for (;;) {
        ASYNC_TRY(redisp_receive(&redis->connection, &reply));
        ASYNC_TRY(deliver(redis, reply));
    }
}

/* What was sent may have been executed. */
static void lose_connection(struct async_redis *redis, int error)
{
    redis->is_up = false;
    async_event_clear(&redis->changed);
    redisp_connection_close(&redis->connection);
    redisp_pool_close_idle(&redis->pool);
    if (redis->first != NULL && (error == -EPROTO || error == -EMSGSIZE))
        end_first(redis, error); /* it was its reply */
    end_all_calls(redis, -ECONNRESET);
}

/* Between half of it and the whole. */
double redisp_pause(struct async_redis *redis, double pause)
{
    pause = pause < redis->longest_pause ? pause : redis->longest_pause;
    redis->random = redis->random * 1103515245u + 12345u;
    return pause * (0.5 + (double)(redis->random >> 16 & 0x7fff) / 65536);
}

static int connect_again(struct async_redis *redis)
{
    int result = -EAGAIN;
    for (double pause = REDISP_FIRST_PAUSE; result < 0; pause *= 2) {
        ASYNC_TRY(async_sleep(redisp_pause(redis, pause)));
        result = redisp_connection_open(&redis->connection, &redis->settings);
        if (result == -ECANCELED)
            return result;
        tell_change(redis, result);
    }
    set_up(redis);
    return 0;
}

/* No call waits any more, and none begins. */
static void end_client(struct async_redis *redis, int error)
{
    redis->error = redis->is_over ? redis->error : error;
    redis->is_over = true;
    redis->is_up = false;
    redisp_end_silence(redis);
    end_all_calls(redis, redis->error);
    async_event_set(&redis->changed);
}

/* Until the client is closed, or the run ends. */
static int receive(void *argument)
{
    struct async_redis *redis = argument;
    int result = 0;
    while (result != -ECANCELED && !redis->is_over) {
        result = receive_replies(redis);
        if (result == -ECANCELED)
            break;
        tell_change(redis, redisp_explain_silence(redis, result));
        lose_connection(redis, result);
        result = connect_again(redis);
    }
    end_client(redis, -ECANCELED);
    redisp_connection_close(&redis->connection);
    redisp_pool_close(&redis->pool);
    redisp_end_task(&redis->receiver, &redis->receiver_ended);
    redisp_release(redis);
    return 0;
}

/* ---- sending -------------------------------------------------------------------------------- */

int redisp_fail_over(const struct async_redis *redis)
{
    return redis->error == -EBADF ? async_fail(-EBADF, "the Redis client was freed")
                                  : async_fail(redis->error, "the run has ended");
}

static int wait_until_up(struct async_redis *redis)
{
    while (!redis->is_up && !redis->is_over)
        ASYNC_TRY(async_event_wait(&redis->changed));
    return redis->is_over ? redisp_fail_over(redis) : 0;
}

int redisp_wait_until_up(struct async_redis *redis, double seconds)
{
    return redis->is_up ? 0 : async_timeout(seconds, wait_until_up(redis));
}

/* Too much that the kernel has not taken: waits. The connection may be lost meanwhile. */
static int wait_for_room(struct async_redis *redis)
{
    async_stream *stream = redis->connection.stream;
    if (async_stream_pending(stream) <= MOST_PENDING)
        return 0;
    int result = async_stream_drain(stream);
    return result == -ECANCELED ? result : 0;
}

/* A stream that has failed is noticed by the receiver, which connects again. */
static int write_command(struct async_redis *redis, const struct command *command)
{
    int result = redisp_send(&redis->connection, command->bytes, command->size);
    if (result == 0 || result == -ENOMEM)
        return result;
    async_stream_abort(redis->connection.stream);
    redis->is_up = false;
    async_event_clear(&redis->changed);
    return -EAGAIN;
}

static int send_command(struct async_redis *redis, const struct command *command)
{
    int result = -EAGAIN;
    while (result == -EAGAIN) {
        ASYNC_TRY(wait_until_up(redis));
        ASYNC_TRY(wait_for_room(redis));
        if (redis->is_up && !redis->is_over)
            result = write_command(redis, command);
    }
    return result;
}

/* The call is the caller's again, unless the task has been cancelled and replies are to come. */
static int wait_for_replies(struct async_redis *redis, struct call *call)
{
    int result = async_event_wait(&call->ended);
    if (result < 0 && !async_event_is_set(&call->ended)) {
        redisp_free_replies(call->replies, call->received);
        call->is_abandoned = true;
        return result;
    }
    result = call->error; /* the replies are there, also if the task was cancelled since */
    if (result < 0)
        redisp_free_replies(call->replies, call->received);
    free_call(redis, call);
    return result;
}

static int explain_loss(const struct async_redis *redis, const struct command *command, int error)
{
    char name[32];
    redisp_command_name(command, name, sizeof name);
    switch (error) {
    case -ECONNRESET:
        return async_fail(error, "the connection to Redis was lost before the reply to %s", name);
    case -EPROTO:
        return async_fail(error, "the server does not speak Redis's protocol");
    case -EMSGSIZE:
        return async_fail(error, "the reply to %s is larger than options.max_reply", name);
    default:
        return redis->is_over ? redisp_fail_over(redis) : error;
    }
}

int redisp_call(struct async_redis *redis, const struct command *command,
                struct async_redis_reply **replies, size_t count)
{
    memset(replies, 0, count * sizeof *replies);
    struct call *call = new_call(redis, replies, count);
    if (call == NULL)
        return -ENOMEM;
    int result = send_command(redis, command);
    if (result < 0) {
        free_call(redis, call);
        return result;
    }
    append_call(redis, call);
    result = wait_for_replies(redis, call);
    return result < 0 && result != -ECANCELED ? explain_loss(redis, command, result) : result;
}

/* ---- opening and closing -------------------------------------------------------------------- */

static struct async_redis *new_client(const async_redis_options *options)
{
    struct async_redis *redis = redisp_new(sizeof *redis);
    if (redis == NULL)
        return NULL;
    redis->references = 1;
    redis->last = &redis->first;
    redis->loop = async_get_loop();
    redis->longest_pause = DEFAULT_LONGEST_PAUSE;
    redis->random = (unsigned)time(NULL) ^ (unsigned)(uintptr_t)redis;
    redisp_pool_open(&redis->pool, &redis->settings, DEFAULT_POOL);
    if (options == NULL)
        return redis;
    if (options->longest_pause > 0)
        redis->longest_pause = options->longest_pause;
    if (options->pool_size > 0)
        redisp_pool_open(&redis->pool, &redis->settings, options->pool_size);
    redis->on_change = options->on_change;
    redis->context = options->context;
    return redis;
}

static int open_client(struct async_redis *redis, const char *url,
                       const async_redis_options *options)
{
    static const async_task_options receiver = {.name = "receiver of Redis"};
    ASYNC_TRY(redisp_settings_open(&redis->settings, url, options));
    ASYNC_TRY(redisp_connection_open(&redis->connection, &redis->settings));
    redis->receiver = asyncp_create_task_ptr(receive, redis, &receiver, ASYNCP_HERE);
    if (redis->receiver == NULL) {
        redisp_connection_close(&redis->connection);
        return -ENOMEM;
    }
    redis->references++;
    set_up(redis);
    return 0;
}

int async_redis_connect(async_redis **redis, const char *url, const async_redis_options *options)
{
    if (redis == NULL)
        return async_fail(-EINVAL, "async_redis_connect: the place for the client is NULL");
    *redis = NULL;
    struct async_redis *client = new_client(options);
    if (client == NULL)
        return -ENOMEM;
    int result = open_client(client, url, options);
    if (result < 0)
        redisp_release(client);
    else
        *redis = client;
    return result;
}

/* After the run both tasks have ended. */
void async_redis_free_wait(async_redis *redis)
{
    if (redis == NULL)
        return;
    if (redis->queues > 0 && redis->loop == async_get_loop())
        async_ignore(async_no_cancel(async_event_wait(&redis->queues_ended)));
    end_client(redis, -EBADF);
    redisp_pool_close(&redis->pool);
    redisp_end_subscriber(redis);
    redisp_cancel_task(redis->receiver, &redis->receiver_ended);
    redisp_release(redis);
}

/* ---- commands ------------------------------------------------------------------------------- */

int redisp_call_one(struct async_redis *redis, const struct command *command,
                    struct async_redis_reply **reply)
{
    struct async_redis_reply *got;
    ASYNC_TRY(redisp_call(redis, command, &got, 1));
    return redisp_take_reply(command, got, reply);
}

static int call_shared(struct async_redis *redis, const struct command *command,
                       async_redis_reply **reply)
{
    ASYNC_TRY(redisp_check_shared(command));
    return redisp_call_one(redis, command, reply);
}

static int call_pooled(struct async_redis *redis, const struct command *command,
                       async_redis_reply **reply)
{
    struct async_redis_reply *got;
    ASYNC_TRY(redisp_check_pooled(command));
    ASYNC_TRY(redisp_pool_exchange(&redis->pool, command, &got, INFINITY));
    return redisp_take_reply(command, got, reply);
}

typedef int calling(struct async_redis *redis, const struct command *command,
                    async_redis_reply **reply);

/* From the format on. */
static int run_format(struct async_redis *redis, async_redis_reply **reply, calling *call,
                      const char *format, va_list arguments, const char *name)
{
    struct command command;
    if (reply != NULL)
        *reply = NULL;
    ASYNC_TRY(redisp_hold(redis, name));
    redisp_command_open(&command);
    int result = redisp_command_vadd(&command, format, arguments);
    if (result == 0)
        result = call(redis, &command, reply);
    redisp_command_close(&command);
    redisp_release(redis);
    return result;
}

int async_redis_vcommand(async_redis *redis, async_redis_reply **reply, const char *format,
                         va_list arguments)
{
    return run_format(redis, reply, call_shared, format, arguments, "async_redis_vcommand");
}

int async_redis_command(async_redis *redis, async_redis_reply **reply, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = run_format(redis, reply, call_shared, format, arguments, "async_redis_command");
    va_end(arguments);
    return result;
}

int async_redis_blocking_command(async_redis *redis, async_redis_reply **reply, const char *format,
                                 ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = run_format(redis, reply, call_pooled, format, arguments,
                            "async_redis_blocking_command");
    va_end(arguments);
    return result;
}

int async_redis_command_words(async_redis *redis, async_redis_reply **reply,
                              const struct iovec *words, size_t count)
{
    struct command command;
    if (reply != NULL)
        *reply = NULL;
    ASYNC_TRY(redisp_hold(redis, "async_redis_command_words"));
    redisp_command_open(&command);
    int result = redisp_command_add_words(&command, words, count);
    if (result == 0)
        result = call_shared(redis, &command, reply);
    redisp_command_close(&command);
    redisp_release(redis);
    return result;
}
