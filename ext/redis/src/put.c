/*
 * ext/redis/src/put.c: putting items: now, later, once. A put is repeated until Redis has the item:
 * while it is away, has no memory, or the queue is full.
 */
#include "queue.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REMEMBERED_SECONDS = 24 * 60 * 60 };
static const double LONGEST_WAIT = 1;

/* How an item is put. */
enum put { PUT_NOW, PUT_LATER, PUT_ONCE };

struct putting {
    enum put how;
    const void *item;
    double seconds; /* PUT_LATER */
    const char *id; /* PUT_ONCE */
    unsigned call;  /* its number in this process: a reply may be lost */
};

/* ---- the words ------------------------------------------------------------------------------ */

static int item_priority(const struct shared_queue *queue, const void *item)
{
    int priority = queue->priority != NULL ? queue->priority(item) : 0;
    int last = queue->stream_count - 1;
    return priority < 0 ? 0 : priority < last ? priority : last;
}

static struct iovec bytes_of(const struct shared_queue *queue, const void *item)
{
    const async_redis_item *text = item;
    return queue->item_size > 0 ? (struct iovec){(void *)(uintptr_t)item, queue->item_size}
                                : (struct iovec){text->data, text->size};
}

/* Largest number of items, tag, bytes. */
static void add_item(struct words *words, const struct shared_queue *queue,
                     const struct putting *putting)
{
    struct iovec bytes = bytes_of(queue, putting->item);
    redisp_add_number(words, (long long)queue->maxsize);
    redisp_add_word(words, queue->tag);
    redisp_add_bytes(words, bytes.iov_base, bytes.iov_len);
}

/* ---- the commands --------------------------------------------------------------------------- */

/* A text that no other call has, in any process. */
static void name_call(const struct shared_queue *queue, const struct putting *putting, char *text,
                      size_t size)
{
    snprintf(text, size, "%s-%u", queue->consumer, putting->call);
}

static int run_put(struct shared_queue *queue, async_redis_reply **reply,
                   async_redis_script *script, const struct words *words)
{
    return queue->durable > 0 ? redisp_run_durably(queue, reply, script, words)
                              : redisp_run(queue, reply, script, words);
}

static int send_later(struct shared_queue *queue, const struct putting *putting,
                      async_redis_reply **reply)
{
    struct words words = {.count = 0};
    char call[CONSUMER_BYTES + 16];
    name_call(queue, putting, call, sizeof call);
    redisp_add_number(&words, 1 + queue->stream_count);
    redisp_add_word(&words, queue->later);
    redisp_add_streams(&words, queue);
    add_item(&words, queue, putting);
    redisp_add_number(&words, (long long)(putting->seconds * 1000));
    redisp_add_word(&words, call);
    redisp_add_number(&words, item_priority(queue, putting->item));
    return run_put(queue, reply, &redisp_script_later, &words);
}

static int send_once(struct shared_queue *queue, const struct putting *putting,
                     async_redis_reply **reply)
{
    struct words words = {.count = 0};
    char call[CONSUMER_BYTES + 16];
    size_t size = strlen(queue->once) + strlen(putting->id) + 1;
    char *mark = redisp_realloc(NULL, size);
    if (mark == NULL)
        return -ENOMEM;
    snprintf(mark, size, "%s%s", queue->once, putting->id);
    name_call(queue, putting, call, sizeof call);
    redisp_add_number(&words, 3 + queue->stream_count);
    redisp_add_word(&words, queue->streams[item_priority(queue, putting->item)]);
    redisp_add_word(&words, mark);
    redisp_add_word(&words, queue->later);
    redisp_add_streams(&words, queue);
    add_item(&words, queue, putting);
    redisp_add_number(&words, REMEMBERED_SECONDS);
    redisp_add_word(&words, call);
    int result = run_put(queue, reply, &redisp_script_once, &words);
    free(mark);
    return result;
}

static int send_now(struct shared_queue *queue, const struct putting *putting,
                    async_redis_reply **reply)
{
    struct words words = {.count = 0};
    const char *stream = queue->streams[item_priority(queue, putting->item)];
    struct iovec bytes = bytes_of(queue, putting->item);
    if (queue->maxsize == 0 && queue->durable == 0)
        return async_redis_command(queue->redis, reply, "XADD %s * t %s b %b", stream, queue->tag,
                                   bytes.iov_base, bytes.iov_len);
    redisp_add_number(&words, 2 + queue->stream_count);
    redisp_add_word(&words, stream);
    redisp_add_word(&words, queue->later);
    redisp_add_streams(&words, queue);
    add_item(&words, queue, putting);
    return run_put(queue, reply, &redisp_script_put, &words);
}

/* ---- again and again ------------------------------------------------------------------------ */

static int send_item(struct shared_queue *queue, const struct putting *putting,
                     async_redis_reply **reply)
{
    switch (putting->how) {
    case PUT_LATER:
        return send_later(queue, putting, reply);
    case PUT_ONCE:
        return send_once(queue, putting, reply);
    default:
        return send_now(queue, putting, reply);
    }
}

/* 0; -EAGAIN: once more after a pause; another error. */
static int try_to_put(struct shared_queue *queue, const struct putting *putting)
{
    async_auto_redis_reply *reply = NULL;
    int64_t is_new = 1;
    int result = send_item(queue, putting, &reply);
    if (result == -ENOSPC || result == -ECONNRESET) /* memory is used up; the reply was lost */
        return -EAGAIN;
    ASYNC_TRY(result);
    if (async_redis_reply_type(reply) == ASYNC_REDIS_NIL) /* it is full */
        return -EAGAIN;
    if (putting->how == PUT_ONCE)
        ASYNC_TRY(async_redis_reply_integer(reply, &is_new));
    return is_new != 0 ? 0 : async_fail(-EALREADY, "%s was put before", putting->id);
}

int redisp_check_open(const struct shared_queue *queue)
{
    if (queue->queue == NULL)
        return async_fail(-ECANCELED, "the queue was freed");
    return queue->is_shut_down ? -ESHUTDOWN : 0;
}

/* Redis may be away for long, and the queue may be shut down or freed meanwhile. */
static int wait_for_redis(const struct shared_queue *queue)
{
    int result = -ETIMEDOUT;
    while (result == -ETIMEDOUT) {
        ASYNC_TRY(redisp_check_open(queue));
        result = redisp_wait_until_up(queue->redis, LONGEST_WAIT / 4);
    }
    return result == 0 ? redisp_check_open(queue) : result;
}

static int put_item(struct shared_queue *queue, const struct putting *putting)
{
    int result;
    queue->references++;
    for (double pause = REDISP_FIRST_PAUSE;; pause = pause < LONGEST_WAIT ? 2 * pause : pause) {
        result = wait_for_redis(queue);
        if (result == 0)
            result = try_to_put(queue, putting);
        if (result != -EAGAIN)
            break;
        result = async_sleep(redisp_pause(queue->redis, pause));
        if (result < 0)
            break;
    }
    redisp_queue_release(queue);
    return result;
}

int redisp_put(struct shared_queue *queue, const void *item)
{
    const struct putting putting = {.how = PUT_NOW, .item = item};
    return put_item(queue, &putting);
}

/* ---- public calls --------------------------------------------------------------------------- */

static int put_checked(async_queue *queue, struct putting *putting, size_t size, const char *call)
{
    static _Atomic unsigned calls;
    struct shared_queue *shared = redisp_queue_state(queue);
    if (shared == NULL || putting->item == NULL)
        return async_fail(-EINVAL, "%s: the queue is not in Redis, or the item is NULL", call);
    if (size != redisp_local_size(shared))
        return async_fail(-EINVAL, "%s: the item has %zu bytes, the items of this queue have %zu",
                          call, size, redisp_local_size(shared));
    putting->call = ++calls;
    return put_item(shared, putting);
}

int asyncp_redis_queue_put_later(async_queue *queue, const void *item, size_t size, double seconds)
{
    static const char call[] = "async_redis_queue_put_later";
    struct putting putting = {
        .how = seconds > 0 ? PUT_LATER : PUT_NOW, .item = item, .seconds = seconds};
    if (isnan(seconds) || seconds > 1e9)
        return async_fail(-EINVAL, "%s: seconds is not a number, or too large", call);
    return put_checked(queue, &putting, size, call);
}

int asyncp_redis_queue_put_once(async_queue *queue, const void *item, size_t size, const char *id)
{
    static const char call[] = "async_redis_queue_put_once";
    struct putting putting = {.how = PUT_ONCE, .item = item, .id = id};
    if (id == NULL)
        return async_fail(-EINVAL, "%s: the id is NULL", call);
    return put_checked(queue, &putting, size, call);
}
