/*
 * ext/redis/src/fetch.c: the task that takes new items from Redis, as many as tasks wait for, on a
 * connection of its own that blocks. With priorities a script takes the most urgent ones first.
 */
#include "queue.h"
#include <errno.h>
#include <string.h>

enum { BLOCK_MS = 2000 };
static const char OTHER_STREAM[] = "the reply of Redis names a stream that was not asked for";

static bool goes_on(const struct shared_queue *queue)
{
    return queue->queue != NULL && !queue->is_shut_down && !queue->redis->is_over;
}

static int ask(struct shared_queue *queue, const struct words *words, async_redis_reply **reply)
{
    struct command command;
    struct async_redis_reply *got;
    redisp_command_open(&command);
    int result = redisp_command_add_words(&command, words->words, words->count);
    if (result == 0)
        result = redisp_pool_exchange(&queue->redis->pool, &command, &got,
                                      BLOCK_MS / 1000.0 + queue->redis->settings.silence_limit);
    if (result == 0)
        result = redisp_take_reply(&command, got, reply);
    redisp_command_close(&command);
    return result;
}

static int wait_for_entries(struct shared_queue *queue, size_t count, async_redis_reply **reply)
{
    static const char *const words_before[] = {"XREADGROUP", "GROUP", "w"};
    struct words words = {.count = 0};
    for (int i = 0; i < 3; i++)
        redisp_add_word(&words, words_before[i]);
    redisp_add_word(&words, queue->consumer);
    redisp_add_word(&words, "COUNT");
    redisp_add_number(&words, (long long)count);
    redisp_add_word(&words, "BLOCK");
    redisp_add_number(&words, BLOCK_MS);
    redisp_add_word(&words, "STREAMS");
    redisp_add_streams(&words, queue);
    for (int i = 0; i < queue->stream_count; i++)
        redisp_add_word(&words, ">");
    return ask(queue, &words, reply);
}

/* The priority of a stream; an error: it is none of the queue. */
static int stream_priority(const struct shared_queue *queue, const async_redis_reply *stream)
{
    const char *name;
    ASYNC_TRY(async_redis_reply_text(stream, &name));
    for (int i = 0; i < queue->stream_count; i++)
        if (strcmp(name, queue->streams[i]) == 0)
            return i;
    return async_fail(-EPROTO, OTHER_STREAM);
}

static void deliver_all(struct shared_queue *queue, int priority, const async_redis_reply *entries)
{
    for (size_t i = 0; i < async_redis_reply_size(entries); i++)
        redisp_deliver(queue, priority, async_redis_reply_at(entries, i), 1);
}

/* [[stream, entries], …], or the map {stream: entries, …}. */
static int deliver_streams(struct shared_queue *queue, const async_redis_reply *reply)
{
    bool is_map = async_redis_reply_type(reply) == ASYNC_REDIS_MAP;
    size_t step = is_map ? 2 : 1;
    for (size_t i = 0; i < async_redis_reply_size(reply); i += step) {
        const async_redis_reply *pair = async_redis_reply_at(reply, i);
        int priority = stream_priority(queue, is_map ? pair : async_redis_reply_at(pair, 0));
        ASYNC_TRY(priority);
        deliver_all(queue, priority,
                    is_map ? async_redis_reply_at(reply, i + 1) : async_redis_reply_at(pair, 1));
    }
    return 0;
}

static size_t count_wanted(const struct shared_queue *queue)
{
    return queue->queue != NULL ? redisp_count_at_once(queue, async_queue_waiting(queue->queue))
                                : 0;
}

/* The most urgent entries that are there. 1: there were some. */
static int take_most_urgent(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    struct words words = {.count = 0};
    redisp_add_number(&words, queue->stream_count);
    redisp_add_streams(&words, queue);
    redisp_add_word(&words, queue->consumer);
    queue->asked = count_wanted(queue);
    redisp_add_number(&words, (long long)queue->asked);
    ASYNC_TRY(redisp_run(queue, &reply, &redisp_script_take, &words));
    for (size_t i = 0; i + 1 < async_redis_reply_size(reply); i += 2) {
        int64_t priority = 0;
        async_ignore(async_redis_reply_integer(async_redis_reply_at(reply, i), &priority));
        if (priority < 0 || priority >= queue->stream_count)
            return async_fail(-EPROTO, OTHER_STREAM);
        redisp_deliver(queue, (int)priority, async_redis_reply_at(reply, i + 1), 1);
    }
    return async_redis_reply_size(reply) > 0;
}

/*
 * COUNT is for each stream, so with several the blocking read asks for one entry of each: none is
 * there as a rule. One too many is given back.
 */
static int take(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    bool has_priorities = queue->stream_count > 1;
    int result = has_priorities ? take_most_urgent(queue) : 0;
    if (result != 0)
        return result < 0 ? result : 0;
    size_t count = count_wanted(queue);
    if (count == 0)
        return 0;
    queue->asked = has_priorities ? 1 : count;
    ASYNC_TRY(wait_for_entries(queue, queue->asked, &reply));
    return deliver_streams(queue, reply);
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
    if (error == -ENOENT && redisp_create_groups(queue) == 0)
        return 0;
    if (error == -EMSGSIZE && redisp_take_fewer(queue, queue->asked) == 0)
        return 0;
    double now = redisp_pause(queue->redis, *pause);
    *pause *= 2;
    return async_sleep(now);
}

int redisp_fetch(void *argument)
{
    struct shared_queue *queue = argument;
    double pause = REDISP_FIRST_PAUSE;
    int result = 0, told = 0;
    while (result == 0 && goes_on(queue)) {
        result = wait_for_demand(queue);
        if (result < 0 || !goes_on(queue))
            break;
        int taken = take(queue);
        if (taken != -EMSGSIZE)
            redisp_tell_refusal(queue, "to give items of", taken, &told);
        if (taken != 0) {
            result = recover(queue, taken, &pause);
            continue;
        }
        pause = REDISP_FIRST_PAUSE;
        redisp_take_more(queue);
    }
    redisp_end_task(&queue->fetcher, &queue->fetcher_ended);
    redisp_queue_release(queue);
    return 0;
}
