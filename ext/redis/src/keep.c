/*
 * ext/redis/src/keep.c: the task that reports to Redis what became of items, renews the lease of
 * those that are being worked on, takes over those of dead processes, and moves those that are due.
 */
#include "queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TICK = 0.5, LAST_SECONDS = 2; /* seconds */
enum { LEASES_OF_A_CONSUMER = 10 }; /* without a sign of life, until it is forgotten */

struct keeping {
    struct shared_queue *queue;
    double renewed, claimed, moved, forgot; /* times */
    int told, told_of_reports;              /* the errors that were told last */
};

/* ---- reports -------------------------------------------------------------------------------- */

static enum outcome outcome_of(const struct delivery *report)
{
    if (report->is_unfit)
        return UNFIT;
    return report->error == 0 ? DONE : report->error == -ECANCELED ? RETURNED : FAILED;
}

/* The first reports that can go together. */
static size_t count_same(const struct shared_queue *queue)
{
    size_t count = 0;
    enum outcome outcome = outcome_of(queue->reports);
    for (const struct delivery *report = queue->reports;
         report != NULL && outcome_of(report) == outcome &&
         report->priority == queue->reports->priority && count < MOST_IN_A_COMMAND;
         report = report->next)
        count++;
    return count;
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

static int report_done(struct shared_queue *queue, size_t count)
{
    const struct delivery *report = queue->reports;
    struct words words = {.count = 0};
    redisp_add_word(&words, "1");
    redisp_add_word(&words, queue->streams[report->priority]);
    for (; count > 0; count--, report = report->next)
        redisp_add_word(&words, report->entry);
    return redisp_run(queue, NULL, &redisp_script_done, &words);
}

static int report_failed(struct shared_queue *queue, size_t count)
{
    const struct delivery *report = queue->reports;
    struct words words = {.count = 0};
    redisp_begin_failure(&words, queue, report->priority, outcome_of(report));
    for (; count > 0; count--, report = report->next)
        redisp_add_failure(&words, report->entry, report->reason);
    return redisp_run(queue, NULL, &redisp_script_fail, &words);
}

/* Errors for which another attempt makes sense. */
static bool may_pass(int error)
{
    return error == -ECANCELED || error == -EAGAIN || error == -ENOMEM || error == -EBADF ||
           error == -ETIMEDOUT || error == -EROFS;
}

/*
 * The first reports. A connection that is lost meanwhile: once more, which does no harm. If Redis
 * refuses them, the items come back after the lease.
 */
static int flush_some(struct shared_queue *queue, int *told)
{
    size_t count = count_same(queue);
    int result = outcome_of(queue->reports) == DONE ? report_done(queue, count)
                                                    : report_failed(queue, count);
    if (result == -ECONNRESET)
        return 0;
    if (result < 0 && may_pass(result))
        return result;
    redisp_tell_refusal(queue, "a report on items of", result, told);
    drop_reports(queue, count);
    return 0;
}

/* ---- again and again ------------------------------------------------------------------------ */

static int renew_some(struct shared_queue *queue, int priority, const struct entry *entries,
                      size_t count)
{
    struct words words = {.count = 0};
    redisp_add_word(&words, "1");
    redisp_add_word(&words, queue->streams[priority]);
    redisp_add_word(&words, queue->consumer);
    for (size_t i = 0; i < count; i++)
        redisp_add_word(&words, entries[i].id);
    return redisp_run(queue, NULL, &redisp_script_renew, &words);
}

/* Those that tasks have now: what they report and take meanwhile must not hide any. */
static int renew_stream(struct shared_queue *queue, int priority)
{
    struct entry *entries;
    size_t count;
    ASYNC_TRY(redisp_held_entries(queue, priority, &entries, &count));
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i += MOST_IN_A_COMMAND) {
        size_t rest = count - i;
        result = renew_some(queue, priority, entries + i,
                            rest < MOST_IN_A_COMMAND ? rest : MOST_IN_A_COMMAND);
    }
    free(entries);
    return result;
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
    size_t count = redisp_count_at_once(queue, waiting);
    int result = ask_for_claims(queue, priority, count, &reply);
    if (result == -EMSGSIZE)
        return redisp_take_fewer(queue, count);
    ASYNC_TRY(result);
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
    redisp_add_number(&words, MOST_IN_A_COMMAND);
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

/* For a part of the lease: reports may come as fast as they go, and leases must be renewed. */
static int flush_reports(struct keeping *keeping)
{
    struct shared_queue *queue = keeping->queue;
    double end = async_time() + queue->lease / 6;
    async_event_clear(&queue->hurry);
    while (queue->reports != NULL && async_time() < end)
        ASYNC_TRY(flush_some(queue, &keeping->told_of_reports));
    if (queue->reports != NULL)
        async_event_set(&queue->hurry);
    return 0;
}

/* An error is that of a moment: the client connects again. */
static int keep_up(struct keeping *keeping)
{
    struct shared_queue *queue = keeping->queue;
    ASYNC_TRY(flush_reports(keeping));
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

static int give_back(struct shared_queue *queue)
{
    int told = 0;
    redisp_release_all(queue);
    while (queue->reports != NULL)
        ASYNC_TRY(flush_some(queue, &told));
    ASYNC_TRY(redisp_return_unread(queue, RETURNED, ""));
    for (int i = 0; i < queue->stream_count; i++)
        ASYNC_TRY(async_redis_eval(queue->redis, NULL, &redisp_script_end, "1 %s %s",
                                   queue->streams[i], queue->consumer));
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
    else
        redisp_forget_takers(queue);
    redisp_queue_release(queue);
}

int redisp_keep(void *argument)
{
    struct keeping keeping = {.queue = argument};
    struct shared_queue *queue = argument;
    int result = 0;
    while (result != -ECANCELED && queue->queue != NULL && !queue->redis->is_over) {
        result = keep_up(&keeping);
        redisp_tell_refusal(queue, "to renew or to move items of", result, &keeping.told);
        if (result == 0)
            result = async_timeout(tick_of(queue), async_event_wait(&queue->hurry));
        else if (result != -ECANCELED)
            result = async_sleep(tick_of(queue));
    }
    end_keeping(queue);
    return 0;
}
