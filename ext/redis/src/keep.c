/*
 * ext/redis/src/keep.c: the task that reports to Redis what became of items, renews the lease of
 * those that are being worked on, takes over those of dead processes, and moves those that are due.
 */
#include "queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AT_ONCE = 256 };
static const double TICK = 0.5, LAST_SECONDS = 2; /* seconds */
enum { LEASES_OF_A_CONSUMER = 10 }; /* without a sign of life, until it is forgotten */

struct keeping {
    struct shared_queue *queue;
    double renewed, claimed, moved, forgot; /* times */
    int told;                               /* the error that was told last */
};

/* ---- reports -------------------------------------------------------------------------------- */

/* The first reports that can go together: a failure has a reason of its own. */
static size_t count_same(const struct shared_queue *queue)
{
    size_t count = 0;
    if (queue->reports->reason != NULL)
        return 1;
    for (const struct delivery *report = queue->reports;
         report != NULL && report->error == queue->reports->error && report->reason == NULL &&
         report->priority == queue->reports->priority && count < MOST_AT_ONCE;
         report = report->next)
        count++;
    return count;
}

static void add_reports(struct words *words, const struct shared_queue *queue, size_t count)
{
    for (const struct delivery *report = queue->reports; count > 0; count--, report = report->next)
        redisp_add_word(words, report->entry);
}

static void drop_reports(struct shared_queue *queue, size_t count)
{
    queue->report_count -= count;
    async_event_set(&queue->wanted); /* the fetcher may wait for this */
    for (; count > 0; count--) {
        struct delivery *report = queue->reports;
        queue->reports = report->next;
        redisp_delivery_free(report);
    }
    if (queue->reports == NULL)
        queue->last_report = &queue->reports;
}

/* The keys and the arguments of a failure, in front of the entries. pause negative: see lua.c. */
static void begin_failure(struct words *words, const struct shared_queue *queue, int priority,
                          int tries, double pause, const char *why)
{
    redisp_add_word(words, "3");
    redisp_add_word(words, queue->streams[priority]);
    redisp_add_word(words, queue->later);
    redisp_add_word(words, queue->dead);
    redisp_add_word(words, queue->consumer);
    redisp_add_number(words, tries);
    redisp_add_number(words, (long long)(pause * 1000));
    redisp_add_word(words, why);
    redisp_add_number(words, priority);
}

static int report_done(struct shared_queue *queue, size_t count)
{
    struct words words = {.count = 0};
    redisp_add_word(&words, "1");
    redisp_add_word(&words, queue->streams[queue->reports->priority]);
    add_reports(&words, queue, count);
    return redisp_run(queue, NULL, &redisp_script_done, &words);
}

/* -ECANCELED: back to the others; -EPROTO: to the dead ones; another error: tried again. */
static int report_failed(struct shared_queue *queue, size_t count, int error)
{
    struct words words = {.count = 0};
    const char *why = queue->reports->reason != NULL ? queue->reports->reason : "";
    if (error == -EPROTO)
        why = "the size or the version of the item is another";
    begin_failure(&words, queue, queue->reports->priority, error == -EPROTO ? 0 : queue->tries,
                  error == -ECANCELED ? -1 : queue->pause, why);
    add_reports(&words, queue, count);
    return redisp_run(queue, NULL, &redisp_script_fail, &words);
}

/* Errors for which another attempt makes sense. */
static bool may_pass(int error)
{
    return error == -ECANCELED || error == -EAGAIN || error == -ENOMEM || error == -EBADF ||
           error == -ETIMEDOUT || error == -EROFS;
}

/*
 * A connection that is lost meanwhile: once more, which does no harm. If Redis refuses the report,
 * the items come back after the lease.
 */
static int flush_reports(struct shared_queue *queue)
{
    int told = 0;
    async_event_clear(&queue->hurry);
    while (queue->reports != NULL) {
        size_t count = count_same(queue);
        int error = queue->reports->error;
        int result = error == 0 ? report_done(queue, count) : report_failed(queue, count, error);
        if (result == -ECONNRESET)
            continue;
        if (result < 0 && may_pass(result))
            return result;
        redisp_tell_refusal("Redis refuses the report on items of a queue", result, &told);
        drop_reports(queue, count);
    }
    return 0;
}

/* ---- again and again ------------------------------------------------------------------------ */

static int renew_some(struct shared_queue *queue, int priority, const char *const *entries,
                      size_t count)
{
    struct words words = {.count = 0};
    redisp_add_word(&words, "1");
    redisp_add_word(&words, queue->streams[priority]);
    redisp_add_word(&words, queue->consumer);
    for (size_t i = 0; i < count; i++)
        redisp_add_word(&words, entries[i]);
    return redisp_run(queue, NULL, &redisp_script_renew, &words);
}

/* Those that are reported meanwhile move others out of sight until the next time. */
static int renew_stream(struct shared_queue *queue, int priority)
{
    const char *entries[MOST_AT_ONCE];
    size_t count = MOST_AT_ONCE;
    for (size_t skipped = 0; count == MOST_AT_ONCE; skipped += count) {
        count = redisp_held_entries(queue, priority, skipped, entries, MOST_AT_ONCE);
        if (count > 0)
            ASYNC_TRY(renew_some(queue, priority, entries, count));
    }
    return 0;
}

static int renew(struct shared_queue *queue)
{
    for (int i = 0; i < queue->stream_count; i++)
        ASYNC_TRY(renew_stream(queue, i));
    return 0;
}

/* Where the next claim goes on: in the end it has looked at all entries. */
static void note_cursor(struct claiming *claiming, const async_redis_reply *reply)
{
    const char *cursor;
    int size = async_redis_reply_text(reply, &cursor);
    if (size > 0 && size < ID_BYTES)
        memcpy(claiming->cursor, cursor, (size_t)size + 1);
}

static int ask_for_claims(struct shared_queue *queue, int priority, size_t count,
                          async_redis_reply **reply)
{
    const struct claiming *claiming = &queue->claims[priority];
    return async_redis_eval(queue->redis, reply, &redisp_script_claim,
                            "2 %s %s %s %lld %zu %d %s %d %d", queue->streams[priority],
                            queue->dead, queue->consumer, (long long)(queue->lease * 1000), count,
                            queue->tries, claiming->cursor[0] != 0 ? claiming->cursor : "0",
                            (int)redisp_has_suspect(queue), priority);
}

/* As many as tasks wait for. */
static int claim_from(struct shared_queue *queue, int priority)
{
    async_auto_redis_reply *reply = NULL;
    struct claiming *claiming = &queue->claims[priority];
    size_t waiting = queue->queue != NULL ? async_queue_waiting(queue->queue) : 0;
    if (waiting == 0)
        return 0;
    ASYNC_TRY(ask_for_claims(queue, priority, waiting, &reply));
    note_cursor(claiming, async_redis_reply_at(reply, 0));
    async_ignore(
        async_redis_reply_integer(async_redis_reply_at(reply, 1), &claiming->suspects_left));
    for (size_t i = 2; i + 1 < async_redis_reply_size(reply); i += 2) {
        int64_t deliveries = 1;
        async_ignore(async_redis_reply_integer(async_redis_reply_at(reply, i + 1), &deliveries));
        redisp_deliver(queue, priority, async_redis_reply_at(reply, i), deliveries);
    }
    return 0;
}

static int claim(struct shared_queue *queue)
{
    for (int i = 0; i < queue->stream_count; i++)
        ASYNC_TRY(claim_from(queue, i));
    return 0;
}

static bool has_suspects_left(const struct shared_queue *queue)
{
    for (int i = 0; i < queue->stream_count; i++)
        if (queue->claims[i].suspects_left > 0)
            return true;
    return false;
}

static int forget(struct shared_queue *queue)
{
    long long idle_ms = (long long)(queue->lease * 1000 * LEASES_OF_A_CONSUMER);
    for (int i = 0; i < queue->stream_count; i++)
        ASYNC_TRY(async_redis_eval(queue->redis, NULL, &redisp_script_forget, "1 %s %s %lld",
                                   queue->streams[i], queue->consumer, idle_ms));
    return 0;
}

int redisp_move(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    int64_t size;
    struct words words = {.count = 0};
    redisp_add_number(&words, 1 + queue->stream_count);
    redisp_add_word(&words, queue->later);
    redisp_add_streams(&words, queue);
    redisp_add_number(&words, MOST_AT_ONCE);
    ASYNC_TRY(redisp_run(queue, &reply, &redisp_script_move, &words));
    ASYNC_TRY(async_redis_reply_integer(reply, &size));
    if (size < 0)
        return async_fail(-EPROTO, "the queue has %lld items in Redis", (long long)size);
    queue->known_size = (size_t)size;
    return 0;
}

/* A call that has failed is made again at the next tick. */
static int call_if_due(struct shared_queue *queue, int (*call)(struct shared_queue *), double *last,
                       double period)
{
    double now = async_time();
    if (now < *last + period)
        return 0;
    ASYNC_TRY(call(queue));
    *last = now;
    return 0;
}

/* An error is that of a moment: the client connects again. */
static int keep_up(struct keeping *keeping)
{
    struct shared_queue *queue = keeping->queue;
    ASYNC_TRY(flush_reports(queue));
    ASYNC_TRY(call_if_due(queue, renew, &keeping->renewed, queue->lease / 3));
    bool next_suspect = has_suspects_left(queue) && !redisp_has_suspect(queue);
    ASYNC_TRY(call_if_due(queue, claim, &keeping->claimed, next_suspect ? 0 : queue->lease / 4));
    ASYNC_TRY(call_if_due(queue, redisp_move, &keeping->moved, TICK));
    return call_if_due(queue, forget, &keeping->forgot, queue->lease);
}

/* Seconds between two looks at what is due: a renewal is late by at most a part of the lease. */
static double tick_of(const struct shared_queue *queue)
{
    return queue->lease / 4 < TICK ? queue->lease / 4 : TICK;
}

/* ---- the task ------------------------------------------------------------------------------- */

/* The entries of a stream that Redis considers taken by this process, at most so many. */
static int find_taken(struct shared_queue *queue, int priority, async_redis_reply **reply)
{
    return async_redis_command(queue->redis, reply, "XPENDING %s w - + %d %s",
                               queue->streams[priority], MOST_AT_ONCE, queue->consumer);
}

/* What a fetch has left behind, which no task has. */
static int release_rest(struct shared_queue *queue, int priority)
{
    for (;;) {
        async_auto_redis_reply *reply = NULL;
        struct words words = {.count = 0};
        const char *id;
        ASYNC_TRY(find_taken(queue, priority, &reply));
        if (async_redis_reply_size(reply) == 0)
            return 0;
        begin_failure(&words, queue, priority, 1, -1, "");
        for (size_t i = 0; i < async_redis_reply_size(reply) && i < MOST_AT_ONCE; i++)
            if (async_redis_reply_text(async_redis_reply_at(async_redis_reply_at(reply, i), 0),
                                       &id) > 0)
                redisp_add_word(&words, id);
        ASYNC_TRY(redisp_run(queue, NULL, &redisp_script_fail, &words));
    }
}

static int give_back(struct shared_queue *queue)
{
    redisp_release_all(queue);
    ASYNC_TRY(flush_reports(queue));
    for (int i = 0; i < queue->stream_count; i++) {
        ASYNC_TRY(release_rest(queue, i));
        ASYNC_TRY(async_redis_eval(queue->redis, NULL, &redisp_script_end, "1 %s %s",
                                   queue->streams[i], queue->consumer));
    }
    return 0;
}

static void end_keeping(struct shared_queue *queue)
{
    struct async_redis *redis = queue->redis;
    redisp_cancel_task(queue->fetcher, &queue->fetcher_ended);
    if (!redis->is_over)
        async_ignore(async_no_cancel(async_timeout(LAST_SECONDS, give_back(queue))));
    async_task_detach(queue->keeper);
    queue->keeper = NULL;
    if (queue->is_ending && --redis->queues == 0)
        async_event_set(&redis->queues_ended);
    if (queue->queue != NULL)
        async_queue_shutdown(queue->queue, false); /* no item comes any more */
    redisp_queue_release(queue);
}

int redisp_keep(void *argument)
{
    struct keeping keeping = {.queue = argument};
    struct shared_queue *queue = argument;
    int result = 0;
    while (result != -ECANCELED && queue->queue != NULL && !queue->redis->is_over) {
        result = keep_up(&keeping);
        redisp_tell_refusal("Redis refuses to renew or to move items of a queue", result,
                            &keeping.told);
        if (result == 0)
            result = async_timeout(tick_of(queue), async_event_wait(&queue->hurry));
        else if (result != -ECANCELED)
            result = async_sleep(tick_of(queue));
    }
    end_keeping(queue);
    return 0;
}
