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

struct keeping {
    struct shared_queue *queue;
    double renewed, claimed, moved; /* times */
};

/* ---- words ---------------------------------------------------------------------------------- */

struct words {
    struct iovec words[MOST_AT_ONCE + 12];
    size_t count;
};

static void add_word(struct words *words, const char *text)
{
    words->words[words->count++] = (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

/* ---- reports -------------------------------------------------------------------------------- */

/* The first reports that can go together: a failure has a reason of its own. */
static size_t count_same(const struct shared_queue *queue)
{
    size_t count = 0;
    if (queue->reports->reason != NULL)
        return 1;
    for (const struct delivery *report = queue->reports;
         report != NULL && report->error == queue->reports->error && report->reason == NULL &&
         count < MOST_AT_ONCE;
         report = report->next)
        count++;
    return count;
}

static void add_entries(struct words *words, const struct shared_queue *queue, size_t count)
{
    for (const struct delivery *report = queue->reports; count > 0; count--, report = report->next)
        add_word(words, report->entry);
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
    struct words words = {.count = 0};
    add_word(&words, "1");
    add_word(&words, queue->stream);
    add_entries(&words, queue, count);
    return redisp_eval_words(queue->redis, NULL, &redisp_script_done, words.words, words.count);
}

/* -ECANCELED: back to the others; -EPROTO: to the dead ones; another error: tried again. */
static int report_failed(struct shared_queue *queue, size_t count, int error)
{
    struct words words = {.count = 0};
    char tries[16], pause[24];
    const char *why = queue->reports->reason != NULL ? queue->reports->reason : "";
    snprintf(tries, sizeof tries, "%d", error == -EPROTO ? 0 : queue->tries);
    snprintf(pause, sizeof pause, "%.0f", error == -ECANCELED ? -1.0 : queue->pause * 1000);
    add_word(&words, "3");
    add_word(&words, queue->stream);
    add_word(&words, queue->later);
    add_word(&words, queue->dead);
    add_word(&words, queue->consumer);
    add_word(&words, tries);
    add_word(&words, pause);
    add_word(&words, error == -EPROTO ? "the size or the version of the item is another" : why);
    add_entries(&words, queue, count);
    return redisp_eval_words(queue->redis, NULL, &redisp_script_fail, words.words, words.count);
}

/* Errors for which another attempt makes sense. */
static bool may_pass(int error)
{
    return error == -ECANCELED || error == -EAGAIN || error == -ENOMEM || error == -EBADF ||
           error == -ETIMEDOUT || error == -EROFS;
}

/* Redis refuses the report: the items come back after the lease. */
static void tell_refusal(int error)
{
    const async_exception_context context = {
        .message = "Redis refuses the report on items of a queue", .code = error};
    async_loop_call_exception_handler(async_get_loop(), &context);
}

/* A connection that is lost meanwhile: once more, which does no harm. */
static int flush_reports(struct shared_queue *queue)
{
    async_event_clear(&queue->hurry);
    while (queue->reports != NULL) {
        size_t count = count_same(queue);
        int error = queue->reports->error;
        int result = error == 0 ? report_done(queue, count) : report_failed(queue, count, error);
        if (result == -ECONNRESET)
            continue;
        if (result < 0 && may_pass(result))
            return result;
        if (result < 0)
            tell_refusal(result);
        drop_reports(queue, count);
    }
    return 0;
}

/* ---- again and again ------------------------------------------------------------------------ */

static int renew_some(struct shared_queue *queue, const char *const *entries, size_t count)
{
    struct words words = {.count = 0};
    add_word(&words, "1");
    add_word(&words, queue->stream);
    add_word(&words, queue->consumer);
    for (size_t i = 0; i < count; i++)
        add_word(&words, entries[i]);
    return redisp_eval_words(queue->redis, NULL, &redisp_script_renew, words.words, words.count);
}

/* Those that are reported meanwhile move others out of sight until the next time. */
static int renew(struct shared_queue *queue)
{
    const char *entries[MOST_AT_ONCE];
    size_t count = MOST_AT_ONCE;
    for (size_t skipped = 0; count == MOST_AT_ONCE; skipped += count) {
        count = redisp_held_entries(queue, skipped, entries, MOST_AT_ONCE);
        if (count > 0)
            ASYNC_TRY(renew_some(queue, entries, count));
    }
    return 0;
}

/* Where the next claim goes on: in the end it has looked at all entries. */
static void note_cursor(struct shared_queue *queue, const async_redis_reply *reply)
{
    const char *cursor;
    int size = async_redis_reply_text(reply, &cursor);
    if (size > 0 && size < ID_BYTES)
        memcpy(queue->cursor, cursor, (size_t)size + 1);
}

/* As many as tasks wait for. */
static int claim(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    size_t waiting = queue->queue != NULL ? async_queue_waiting(queue->queue) : 0;
    if (waiting == 0)
        return 0;
    ASYNC_TRY(async_redis_eval(
        queue->redis, &reply, &redisp_script_claim, "2 %s %s %s %lld %zu %d %s %d", queue->stream,
        queue->dead, queue->consumer, (long long)(queue->lease * 1000), waiting, queue->tries,
        queue->cursor[0] != 0 ? queue->cursor : "0", (int)redisp_has_suspect(queue)));
    note_cursor(queue, async_redis_reply_at(reply, 0));
    async_ignore(async_redis_reply_integer(async_redis_reply_at(reply, 1), &queue->suspects_left));
    for (size_t i = 2; i + 1 < async_redis_reply_size(reply); i += 2) {
        int64_t deliveries = 1;
        async_ignore(async_redis_reply_integer(async_redis_reply_at(reply, i + 1), &deliveries));
        redisp_deliver(queue, async_redis_reply_at(reply, i), deliveries);
    }
    return 0;
}

static int move(struct shared_queue *queue)
{
    async_auto_redis_reply *reply = NULL;
    int64_t size;
    ASYNC_TRY(async_redis_eval(queue->redis, &reply, &redisp_script_move, "2 %s %s %d",
                               queue->later, queue->stream, MOST_AT_ONCE));
    ASYNC_TRY(async_redis_reply_integer(reply, &size));
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
    bool next_suspect = queue->suspects_left > 0 && !redisp_has_suspect(queue);
    ASYNC_TRY(call_if_due(queue, claim, &keeping->claimed, next_suspect ? 0 : queue->lease / 4));
    return call_if_due(queue, move, &keeping->moved, TICK);
}

/* Seconds between two looks at what is due: a renewal is late by at most a part of the lease. */
static double tick_of(const struct shared_queue *queue)
{
    return queue->lease / 4 < TICK ? queue->lease / 4 : TICK;
}

/* ---- the task ------------------------------------------------------------------------------- */

/* The entries that Redis considers taken by this process, at most so many. */
static int find_taken(struct shared_queue *queue, async_redis_reply **reply)
{
    return async_redis_command(queue->redis, reply, "XPENDING %s w - + %d %s", queue->stream,
                               MOST_AT_ONCE, queue->consumer);
}

/* Takes the words of a release, in front of the entries. */
static void begin_release(struct words *words, const struct shared_queue *queue)
{
    add_word(words, "3");
    add_word(words, queue->stream);
    add_word(words, queue->later);
    add_word(words, queue->dead);
    add_word(words, queue->consumer);
    add_word(words, "1");
    add_word(words, "-1");
    add_word(words, "");
}

/* What a fetch has left behind, which no task has. */
static int release_rest(struct shared_queue *queue)
{
    for (;;) {
        async_auto_redis_reply *reply = NULL;
        struct words words = {.count = 0};
        const char *id;
        ASYNC_TRY(find_taken(queue, &reply));
        if (async_redis_reply_size(reply) == 0)
            return 0;
        begin_release(&words, queue);
        for (size_t i = 0; i < async_redis_reply_size(reply); i++)
            if (async_redis_reply_text(async_redis_reply_at(async_redis_reply_at(reply, i), 0),
                                       &id) > 0)
                add_word(&words, id);
        ASYNC_TRY(
            redisp_eval_words(queue->redis, NULL, &redisp_script_fail, words.words, words.count));
    }
}

static int give_back(struct shared_queue *queue)
{
    redisp_release_all(queue);
    ASYNC_TRY(flush_reports(queue));
    ASYNC_TRY(release_rest(queue));
    return async_redis_eval(queue->redis, NULL, &redisp_script_end, "1 %s %s", queue->stream,
                            queue->consumer);
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
        if (result == 0)
            result = async_timeout(tick_of(queue), async_event_wait(&queue->hurry));
        else if (result != -ECANCELED)
            result = async_sleep(tick_of(queue));
    }
    end_keeping(queue);
    return 0;
}
