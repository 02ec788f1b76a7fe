/*
 * ext/redis/src/delivery.c: which task has which item, and what becomes of it.
 */
#include "queue.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- reports -------------------------------------------------------------------------------- */

/* Takes the delivery. */
static void report(struct shared_queue *queue, struct delivery *delivery, int error)
{
    delivery->error = error;
    delivery->next = NULL;
    *queue->last_report = delivery;
    queue->last_report = &delivery->next;
    async_event_set(&queue->hurry);
}

/* ---- takers --------------------------------------------------------------------------------- */

static struct taker *find_taker(const struct shared_queue *queue, const async_task *task)
{
    struct taker *taker = queue->takers;
    while (taker != NULL && taker->task != task)
        taker = taker->next;
    return taker;
}

static void release_items(struct taker *taker)
{
    while (taker->last != NULL) {
        struct delivery *delivery = taker->last;
        taker->last = delivery->next;
        report(taker->queue, delivery, -ECANCELED);
    }
}

/* The task has ended. */
static void end_taker(async_task *task, void *context)
{
    struct taker *taker = context;
    struct shared_queue *queue = taker->queue;
    struct taker **link = &queue->takers;
    (void)task;
    release_items(taker);
    while (*link != taker)
        link = &(*link)->next;
    *link = taker->next;
    free(taker);
    redisp_queue_release(queue);
}

/* The record of the task. NULL: out of memory. */
static struct taker *make_taker(struct shared_queue *queue, async_task *task)
{
    struct taker *taker = find_taker(queue, task);
    if (taker != NULL || (taker = redisp_new(sizeof *taker)) == NULL)
        return taker;
    if (async_task_add_done_callback(task, end_taker, taker) < 0) {
        free(taker);
        return NULL;
    }
    *taker = (struct taker){.next = queue->takers, .queue = queue, .task = task};
    queue->takers = taker;
    queue->references++;
    return taker;
}

/* ---- entries -------------------------------------------------------------------------------- */

static const char *field_of(const async_redis_reply *entry, const char *name, size_t *size)
{
    const char *text;
    int length = async_redis_reply_text(async_redis_reply_get(async_redis_reply_at(entry, 1), name),
                                        &text);
    *size = length > 0 ? (size_t)length : 0;
    return length >= 0 ? text : NULL;
}

static void copy_id(char *id, const char *text)
{
    size_t size = strlen(text);
    size = size < ID_BYTES ? size : ID_BYTES - 1;
    memcpy(id, text, size);
    id[size] = 0;
}

static struct delivery *new_delivery(const async_redis_reply *entry, int64_t deliveries)
{
    const char *id;
    size_t size;
    int64_t failed = 0;
    if (async_redis_reply_text(async_redis_reply_at(entry, 0), &id) < 0)
        return NULL;
    struct delivery *delivery = redisp_new(sizeof *delivery);
    if (delivery == NULL)
        return NULL;
    copy_id(delivery->entry, id);
    const char *first = field_of(entry, "i", &size), *tries = field_of(entry, "n", &size);
    copy_id(delivery->id, first != NULL ? first : id);
    if (tries != NULL)
        async_ignore(redisp_read_integer(tries, size, &failed));
    delivery->count = (int)(failed + deliveries);
    return delivery;
}

/* Whether it is an item of this queue's type. */
static bool fits(const struct shared_queue *queue, const async_redis_reply *entry)
{
    size_t size, tag_size;
    const char *tag = field_of(entry, "t", &tag_size), *bytes = field_of(entry, "b", &size);
    if (bytes == NULL || queue->item_size == 0)
        return bytes != NULL;
    return size == queue->item_size &&
           (tag == NULL || tag_size == 0 || strcmp(tag, queue->tag) == 0);
}

/* The task that gets it; NULL: none waits, or there is no memory for a copy. */
static async_task *hand_over(const struct shared_queue *queue, const async_redis_reply *entry)
{
    async_redis_item item = {NULL, 0};
    const char *bytes = field_of(entry, "b", &item.size);
    if (queue->queue == NULL || queue->is_shut_down)
        return NULL;
    if (queue->item_size > 0)
        return async_queue_hand(queue->queue, bytes);
    item.data = redisp_realloc(NULL, item.size + 1);
    if (item.data == NULL)
        return NULL;
    memcpy(item.data, bytes, item.size + 1); /* the reader has put a zero byte behind it */
    async_task *task = async_queue_hand(queue->queue, &item);
    if (task == NULL)
        free(item.data);
    return task;
}

/* Without memory for its record it comes back after the lease. */
void redisp_deliver(struct shared_queue *queue, const async_redis_reply *entry, int64_t deliveries)
{
    struct delivery *delivery = new_delivery(entry, deliveries);
    if (delivery == NULL)
        return;
    if (!fits(queue, entry)) {
        report(queue, delivery, -EPROTO);
        return;
    }
    async_task *task = hand_over(queue, entry);
    if (task == NULL) {
        report(queue, delivery, -ECANCELED);
        return;
    }
    struct taker *taker = make_taker(queue, task);
    if (taker == NULL) {
        free(delivery); /* it is done, but never reported: others do it again */
        return;
    }
    delivery->next = taker->last;
    taker->last = delivery;
}

/* ---- of the calling task -------------------------------------------------------------------- */

struct delivery *redisp_last_delivery(const struct shared_queue *queue)
{
    const struct taker *taker = find_taker(queue, async_current_task());
    return taker != NULL ? taker->last : NULL;
}

void redisp_report_last(struct shared_queue *queue, int error)
{
    struct taker *taker = find_taker(queue, async_current_task());
    if (taker == NULL || taker->last == NULL)
        return;
    struct delivery *delivery = taker->last;
    taker->last = delivery->next;
    report(queue, delivery, error == -ECANCELED ? -EIO : error);
}

/* ---- of all tasks --------------------------------------------------------------------------- */

void redisp_release_all(struct shared_queue *queue)
{
    for (struct taker *taker = queue->takers; taker != NULL; taker = taker->next)
        release_items(taker);
}

size_t redisp_held_entries(const struct shared_queue *queue, size_t skipped, const char **entries,
                           size_t most)
{
    size_t count = 0;
    for (const struct taker *taker = queue->takers; taker != NULL; taker = taker->next)
        for (const struct delivery *delivery = taker->last; delivery != NULL && count < most;
             delivery = delivery->next)
            if (skipped > 0)
                skipped--;
            else
                entries[count++] = delivery->entry;
    return count;
}
