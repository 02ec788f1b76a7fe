/*
 * ext/redis/src/unread.c: how many items are taken at once, so that a reply is not larger than the
 * client's limit; and the entries of a reply that was. Redis considers them taken by this process,
 * but no task has them. Without this they would come back after the lease, and count as a try.
 */
#include "queue.h"
#include <stdio.h>

enum { MOST_AT_ONCE = 1000, START_BYTES = ID_BYTES + 1 };
static const char TOO_LARGE[] = "the item is larger than options.max_reply of its client";

size_t redisp_count_at_once(const struct shared_queue *queue, size_t wanted)
{
    size_t most = queue->at_once > 0 ? queue->at_once : MOST_AT_ONCE;
    return wanted < most ? wanted : most;
}

void redisp_take_more(struct shared_queue *queue)
{
    if (queue->at_once > 0)
        queue->at_once = queue->at_once < MOST_AT_ONCE / 2 ? 2 * queue->at_once : 0;
}

/* ---- entries that no task has --------------------------------------------------------------- */

/* The entries behind an id that Redis considers taken by this process. */
static int find_taken(struct shared_queue *queue, int priority, const char *start,
                      async_redis_reply **reply)
{
    return async_redis_command(queue->redis, reply, "XPENDING %s w %s + %d %s",
                               queue->streams[priority], start, (int)MOST_IN_A_COMMAND,
                               queue->consumer);
}

/* Calls visit(entry, context) for those of a page that no task has. false: it is the last page. */
static bool visit_page(const struct shared_queue *queue, const async_redis_reply *page, char *start,
                       void (*visit)(const char *entry, void *context), void *context)
{
    bool goes_on = false;
    for (size_t i = 0; i < async_redis_reply_size(page) && i < MOST_IN_A_COMMAND; i++) {
        const char *entry;
        int size = async_redis_reply_text(async_redis_reply_at(async_redis_reply_at(page, i), 0),
                                          &entry);
        if (size <= 0 || size >= ID_BYTES)
            continue;
        goes_on = true;
        snprintf(start, START_BYTES, "(%s", entry);
        if (!redisp_is_held(queue, entry))
            visit(entry, context);
    }
    return goes_on;
}

static void count_entry(const char *entry, void *count)
{
    (void)entry;
    *(size_t *)count += 1;
}

static int count_unread(struct shared_queue *queue, size_t *count)
{
    for (int i = 0; i < queue->stream_count; i++) {
        char start[START_BYTES] = "-";
        bool goes_on = true;
        while (goes_on) {
            async_auto_redis_reply *page = NULL;
            ASYNC_TRY(find_taken(queue, i, start, &page));
            goes_on = visit_page(queue, page, start, count_entry, count);
        }
    }
    return 0;
}

struct returning {
    struct words words;
    const char *reason;
    size_t count;
};

static void add_entry(const char *entry, void *context)
{
    struct returning *returning = context;
    redisp_add_failure(&returning->words, entry, returning->reason);
    returning->count++;
}

static int return_from(struct shared_queue *queue, int priority, enum outcome outcome,
                       const char *reason)
{
    char start[START_BYTES] = "-";
    for (bool goes_on = true; goes_on;) {
        async_auto_redis_reply *page = NULL;
        struct returning returning = {.reason = reason};
        ASYNC_TRY(find_taken(queue, priority, start, &page));
        redisp_begin_failure(&returning.words, queue, priority, outcome);
        goes_on = visit_page(queue, page, start, add_entry, &returning);
        if (returning.count > 0)
            ASYNC_TRY(redisp_run(queue, NULL, &redisp_script_fail, &returning.words));
    }
    return 0;
}

int redisp_return_unread(struct shared_queue *queue, enum outcome outcome, const char *reason)
{
    for (int i = 0; i < queue->stream_count; i++)
        ASYNC_TRY(return_from(queue, i, outcome, reason));
    return 0;
}

int redisp_take_fewer(struct shared_queue *queue, size_t asked)
{
    size_t unread = 0;
    queue->at_once = asked > 8 ? asked / 8 : 1;
    if (asked > 1)
        return redisp_return_unread(queue, RETURNED, "");
    ASYNC_TRY(count_unread(queue, &unread)); /* those of several priorities may have come at once */
    return redisp_return_unread(queue, unread == 1 ? UNFIT : RETURNED, TOO_LARGE);
}
