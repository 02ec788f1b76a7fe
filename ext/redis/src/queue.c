/*
 * ext/redis/src/queue.c: opening a queue in Redis, and the calls of its kind.
 */
#include "queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double DEFAULT_LEASE = 60, DEFAULT_PAUSE = 1, LEAST_LEASE = 0.1, MOST_SECONDS = 1e9;
static const double LONGEST_WAIT = 1; /* of async_queue_join */
enum { DEFAULT_TRIES = 5, MOST_ITEM_BYTES = 512 << 20 };

/* ---- references ----------------------------------------------------------------------------- */

void redisp_delivery_free(struct delivery *delivery)
{
    free(delivery->reason);
    free(delivery);
}

void redisp_queue_release(struct shared_queue *queue)
{
    struct async_redis *redis = queue->redis;
    if (--queue->references > 0)
        return;
    while (queue->reports != NULL) {
        struct delivery *report = queue->reports;
        queue->reports = report->next;
        redisp_delivery_free(report);
    }
    for (int i = 0; i < queue->stream_count; i++)
        free(queue->streams[i]);
    free(queue->later);
    free(queue->dead);
    free(queue->once);
    free(queue);
    redisp_release(redis);
}

/* Other errors are those of a moment, while Redis is away. */
void redisp_tell_refusal(const struct shared_queue *queue, const char *what, int error, int *told)
{
    char text[400];
    bool is_refusal = error == -EACCES || error == -EREMOTEIO || error == -EMSGSIZE ||
                      error == -EPROTO;
    const async_exception_context context = {.message = text, .code = error};
    if (error >= 0)
        *told = 0;
    if (!is_refusal || error == *told)
        return;
    *told = error;
    snprintf(text, sizeof text, "Redis refuses %s the queue %s: %s", what, queue->streams[0],
             async_strerror(error));
    async_loop_call_exception_handler(async_get_loop(), &context);
}

/* ---- the kind ------------------------------------------------------------------------------- */

static int put(void *state, const void *item)
{
    return redisp_put(state, item);
}

static int put_nowait(void *state, const void *item)
{
    (void)state, (void)item;
    return async_fail(-EOPNOTSUPP, "a put into a queue in Redis has to wait: use async_queue_put");
}

static int get_nowait(void *state, void *item)
{
    (void)state, (void)item;
    return -EAGAIN;
}

static void want(void *state)
{
    async_event_set(&((struct shared_queue *)state)->wanted);
}

static bool report_last(void *state, int error)
{
    return redisp_report_last(state, error);
}

static int join_held(struct shared_queue *queue)
{
    double pause = 0.05;
    for (;;) {
        if (queue->queue == NULL)
            return async_fail(-ECANCELED, "the queue was freed");
        int result = redisp_move(queue);
        if (result == 0 && queue->known_size == 0 && queue->reports == NULL)
            return 0;
        if (result < 0 && result != -ECONNRESET)
            return result;
        ASYNC_TRY(async_sleep(pause));
        pause = pause < LONGEST_WAIT ? 1.5 * pause : LONGEST_WAIT;
    }
}

static int join(void *state)
{
    struct shared_queue *queue = state;
    queue->references++;
    int result = join_held(queue);
    redisp_queue_release(queue);
    return result;
}

static size_t qsize(const void *state)
{
    return ((const struct shared_queue *)state)->known_size;
}

static void shut_down(void *state, bool immediate)
{
    struct shared_queue *queue = state;
    queue->is_shut_down = true;
    async_event_set(&queue->wanted);
    if (immediate)
        redisp_release_all(queue);
}

/* Its tasks give back what is left, and end. */
static void free_queue(void *state)
{
    struct shared_queue *queue = state;
    queue->queue = NULL;
    if (queue->keeper != NULL) {
        queue->is_ending = true;
        queue->redis->queues++;
        async_event_clear(&queue->redis->queues_ended);
        async_task_cancel(queue->keeper); /* it may wait for Redis */
    }
    redisp_queue_release(queue);
}

static const async_queue_kind kind = {.put = put,
                                      .put_nowait = put_nowait,
                                      .get_nowait = get_nowait,
                                      .want = want,
                                      .report = report_last,
                                      .join = join,
                                      .qsize = qsize,
                                      .shutdown = shut_down,
                                      .free = free_queue};

/* ---- opening -------------------------------------------------------------------------------- */

static int set_key(char **key, const char *name, const char *suffix)
{
    size_t size = strlen(name) + strlen(suffix) + sizeof "{}:";
    *key = redisp_new(size);
    if (*key == NULL)
        return -ENOMEM;
    snprintf(*key, size, "{%s}:%s", name, suffix);
    return 0;
}

/* A name that no other process has. */
static void set_consumer(struct shared_queue *queue)
{
    static _Atomic unsigned number;
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(queue->consumer, sizeof queue->consumer, "%s-%d-%08x-%u", host, (int)getpid(),
             queue->redis->random, ++number);
}

static void set_options(struct shared_queue *queue, size_t item_size,
                        const async_redis_queue_options *options)
{
    queue->item_size = item_size;
    queue->maxsize = options->maxsize;
    queue->priority = options->priority;
    queue->durable = options->durable;
    queue->stream_count = options->priorities > 0 ? options->priorities : 1;
    queue->lease = options->lease > 0 ? options->lease : DEFAULT_LEASE;
    queue->pause = options->pause > 0 ? options->pause : DEFAULT_PAUSE;
    queue->tries = options->tries > 0 ? options->tries : DEFAULT_TRIES;
    queue->last_report = &queue->reports;
    if (item_size > 0)
        snprintf(queue->tag, sizeof queue->tag, "%zu/%d", item_size, options->version);
}

static int check_arguments(async_queue **out, const char *name, size_t item_size,
                           const async_redis_queue_options *options)
{
    static const char call[] = "async_redis_queue_open";
    if (out == NULL)
        return async_fail(-EINVAL, "%s: the place for the queue is NULL", call);
    *out = NULL;
    if (name == NULL || *name == 0 || strpbrk(name, "{}") != NULL)
        return async_fail(-EINVAL, "%s: the name is empty, NULL, or has a brace", call);
    bool has_lease = options->lease >= LEAST_LEASE && options->lease <= MOST_SECONDS;
    bool has_pause = options->pause >= 0 && options->pause <= MOST_SECONDS;
    if ((options->lease != 0 && !has_lease) || !has_pause || options->tries < 0)
        return async_fail(-EINVAL, "%s: options.lease, .pause or .tries is out of range", call);
    if (item_size > MOST_ITEM_BYTES)
        return async_fail(-EINVAL, "%s: an item has at most %d bytes", call, MOST_ITEM_BYTES);
    if (options->durable < 0)
        return async_fail(-EINVAL, "%s: options.durable is negative", call);
    if (options->priorities < 0 || options->priorities > MOST_PRIORITIES)
        return async_fail(-EINVAL, "%s: options.priorities is from 0 to %d", call, MOST_PRIORITIES);
    return 0;
}

/* A server that evicts keys loses items in silence. Who may not ask is not told. */
static int check_server(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    const char *policy;
    int result = async_redis_command(queue->redis, &reply, "CONFIG GET maxmemory-policy");
    if (result == -EACCES || result == -EREMOTEIO)
        return 0;
    ASYNC_TRY(result);
    if (async_redis_reply_text(async_redis_reply_get(reply, "maxmemory-policy"), &policy) < 0 ||
        strcmp(policy, "noeviction") == 0)
        return 0;
    return async_fail(-EPERM,
                      "the Redis server may evict the queue (maxmemory-policy is %s): set "
                      "it to noeviction, or options.any_eviction",
                      policy);
}

int redisp_create_groups(struct shared_queue *queue)
{
    for (int i = 0; i < queue->stream_count; i++)
        ASYNC_TRY(
            async_redis_eval(queue->redis, NULL, &redisp_script_create, "1 %s", queue->streams[i]));
    return 0;
}

static int start_tasks(struct shared_queue *queue)
{
    static const async_task_options fetching = {.name = "fetcher of a queue in Redis"},
                                    keeping = {.name = "keeper of a queue in Redis"};
    queue->keeper = asyncp_create_task_ptr(redisp_keep, queue, &keeping, ASYNCP_HERE);
    if (queue->keeper == NULL)
        return -ENOMEM;
    queue->references++;
    queue->fetcher = asyncp_create_task_ptr(redisp_fetch, queue, &fetching, ASYNCP_HERE);
    if (queue->fetcher == NULL)
        return -ENOMEM;
    queue->references++;
    return 0;
}

/*
 * Before Redis 7.0, or without the permission, the queue would fail in its own tasks only. An old
 * server takes the first line of a script for Lua.
 */
static int try_script(struct shared_queue *queue)
{
    int result = redisp_move(queue);
    bool is_old = result == -EREMOTEIO && strstr(async_strerror(result), "compiling") != NULL;
    return is_old || result == -EACCES
               ? async_fail(result, "the queue needs scripts of Redis 7.0: %s",
                            async_strerror(result))
               : result;
}

static int set_stream_keys(struct shared_queue *queue, const char *name)
{
    char suffix[16] = "s"; /* s, s1, s2, … */
    for (int i = 0; i < queue->stream_count; i++) {
        if (i > 0)
            snprintf(suffix, sizeof suffix, "s%d", i);
        ASYNC_TRY(set_key(&queue->streams[i], name, suffix));
    }
    return 0;
}

static int prepare(struct shared_queue *queue, const char *name, bool any_eviction)
{
    ASYNC_TRY(set_stream_keys(queue, name));
    ASYNC_TRY(set_key(&queue->later, name, "later"));
    ASYNC_TRY(set_key(&queue->dead, name, "dead"));
    ASYNC_TRY(set_key(&queue->once, name, "once:"));
    if (!any_eviction)
        ASYNC_TRY(check_server(queue));
    ASYNC_TRY(try_script(queue));
    if (queue->durable > 0) /* a replica, or the user's rights, may not allow it */
        ASYNC_TRY(async_redis_blocking_command(queue->redis, NULL, "WAIT 0 0"));
    return redisp_create_groups(queue);
}

static int open_queue(async_queue **out, struct shared_queue *queue, const char *name,
                      bool any_eviction)
{
    ASYNC_TRY(prepare(queue, name, any_eviction));
    ASYNC_TRY(
        async_queue_new_of(&queue->queue, &kind, queue, queue->maxsize, redisp_local_size(queue)));
    queue->references++;
    int result = start_tasks(queue);
    if (result < 0)
        async_queue_free(queue->queue);
    else
        *out = queue->queue;
    return result;
}

int async_redis_queue_open(async_queue **queue, async_redis *redis, const char *name,
                           size_t item_size, const async_redis_queue_options *options)
{
    static const async_redis_queue_options none;
    options = options != NULL ? options : &none;
    ASYNC_TRY(check_arguments(queue, name, item_size, options));
    ASYNC_TRY(redisp_hold(redis, "async_redis_queue_open"));
    struct shared_queue *shared = redisp_new(sizeof *shared);
    if (shared == NULL) {
        redisp_release(redis);
        return -ENOMEM;
    }
    shared->redis = redis; /* the reference is its own */
    shared->references = 1;
    set_options(shared, item_size, options);
    set_consumer(shared);
    int result = open_queue(queue, shared, name, options->any_eviction);
    redisp_queue_release(shared);
    return result;
}

/* ---- other calls ---------------------------------------------------------------------------- */

struct shared_queue *redisp_queue_state(async_queue *queue)
{
    return queue != NULL ? async_queue_state(queue, &kind) : NULL;
}

int async_redis_queue_delivery(async_queue *queue, async_redis_delivery *delivery)
{
    const struct shared_queue *shared = redisp_queue_state(queue);
    if (shared == NULL || delivery == NULL)
        return async_fail(-EINVAL, "async_redis_queue_delivery: the queue is not in Redis, or the "
                                   "place for the delivery is NULL");
    *delivery = (async_redis_delivery){.count = 0};
    const struct delivery *last = redisp_last_delivery(shared);
    if (last == NULL)
        return async_fail(-ENOENT, "this task has no item of the queue");
    memcpy(delivery->id, last->id, sizeof delivery->id);
    delivery->count = last->count;
    return 0;
}
