/*
 * ext/redis/src/delivery.c: which task has which item, and what becomes of it.
 */
#include "queue.h"
#include <errno.h>
#include <limits.h>
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
    queue->report_count++;
    async_event_set(&queue->hurry);
}

static void report_unfit(struct shared_queue *queue, struct delivery *delivery, const char *reason)
{
    delivery->is_unfit = true;
    delivery->reason = redisp_copy(reason);
    report(queue, delivery, -EPROTO);
}

/* ---- takers --------------------------------------------------------------------------------- */

static size_t list_of(const async_task *task)
{
    enum { LEAST_BYTES_OF_A_TASK = 64 };
    return (uintptr_t)task / LEAST_BYTES_OF_A_TASK % TAKER_LISTS;
}

static struct taker *find_taker(const struct shared_queue *queue, const async_task *task)
{
    struct taker *taker = queue->takers[list_of(task)];
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
    struct taker **link = &queue->takers[list_of(task)];
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
    struct taker **first = &queue->takers[list_of(task)];
    *taker = (struct taker){.next = *first, .queue = queue, .task = task};
    *first = taker;
    queue->references++;
    return taker;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* The fields of an entry. bytes NULL: it is no item. */
struct fields {
    const char *entry, *tag, *bytes, *tries, *first;
    size_t size, tries_size; /* of the bytes and of the number */
};

static void note_field(struct fields *fields, char name, const char *value, size_t size)
{
    switch (name) {
    case 'b':
        fields->bytes = value;
        fields->size = size;
        break;
    case 't':
        fields->tag = value;
        break;
    case 'n':
        fields->tries = value;
        fields->tries_size = size;
        break;
    case 'i':
        fields->first = value;
        break;
    }
}

static void read_fields(struct fields *fields, const async_redis_reply *entry)
{
    const async_redis_reply *list = async_redis_reply_at(entry, 1);
    *fields = (struct fields){.size = 0};
    async_ignore(async_redis_reply_text(async_redis_reply_at(entry, 0), &fields->entry));
    for (size_t i = 0; i + 1 < async_redis_reply_size(list); i += 2) {
        const char *name, *value;
        int name_size = async_redis_reply_text(async_redis_reply_at(list, i), &name);
        int size = async_redis_reply_text(async_redis_reply_at(list, i + 1), &value);
        if (name_size == 1 && size >= 0)
            note_field(fields, name[0], value, (size_t)size);
    }
}

static void copy_id(char *id, const char *text)
{
    size_t size = strlen(text);
    size = size < ID_BYTES ? size : ID_BYTES - 1;
    memcpy(id, text, size);
    id[size] = 0;
}

/* A count as Redis gives it, in a range that can be added. */
static int count_of(int64_t number)
{
    const int most = INT_MAX / 2;
    return number < 0 ? 0 : number > most ? most : (int)number;
}

static struct delivery *new_delivery(const struct fields *fields, int64_t deliveries)
{
    int64_t failed = 0;
    struct delivery *delivery = fields->entry != NULL ? redisp_new(sizeof *delivery) : NULL;
    if (delivery == NULL)
        return NULL;
    copy_id(delivery->entry, fields->entry);
    copy_id(delivery->id, fields->first != NULL ? fields->first : fields->entry);
    if (fields->tries != NULL)
        async_ignore(redisp_read_integer(fields->tries, fields->tries_size, &failed));
    delivery->count = count_of(failed) + count_of(deliveries);
    return delivery;
}

/* Whether it is an item of this queue's type. */
static bool fits(const struct shared_queue *queue, const struct fields *fields)
{
    bool has_tag = fields->tag != NULL && fields->tag[0] != 0;
    if (fields->bytes == NULL || queue->item_size == 0)
        return fields->bytes != NULL;
    return fields->size == queue->item_size && (!has_tag || strcmp(fields->tag, queue->tag) == 0);
}

/* The task that gets it; NULL: none waits, or there is no memory for a copy. */
static async_task *hand_over(const struct shared_queue *queue, const struct fields *fields)
{
    async_redis_item item = {NULL, fields->size};
    if (queue->queue == NULL || queue->is_shut_down)
        return NULL;
    if (queue->item_size > 0)
        return async_queue_hand(queue->queue, fields->bytes);
    item.data = redisp_realloc(NULL, item.size + 1);
    if (item.data == NULL)
        return NULL;
    memcpy(item.data, fields->bytes, item.size + 1); /* the reader has put a zero byte behind it */
    async_task *task = async_queue_hand(queue->queue, &item);
    if (task == NULL)
        free(item.data);
    return task;
}

/* Without memory for its record it comes back after the lease. */
void redisp_deliver(struct shared_queue *queue, int priority, const async_redis_reply *entry,
                    int64_t deliveries)
{
    struct fields fields;
    read_fields(&fields, entry);
    struct delivery *delivery = new_delivery(&fields, deliveries);
    if (delivery == NULL)
        return;
    delivery->priority = priority;
    delivery->is_suspect = deliveries > 1 && delivery->count >= queue->tries;
    if (!fits(queue, &fields)) {
        report_unfit(queue, delivery,
                     fields.bytes == NULL ? "the entry has no field b"
                                          : "the size or the version of the item is another");
        return;
    }
    async_task *task = hand_over(queue, &fields);
    if (task == NULL) {
        report(queue, delivery, -ECANCELED);
        return;
    }
    struct taker *taker = make_taker(queue, task);
    if (taker == NULL) {
        queue->has_lost = true;
        redisp_delivery_free(delivery); /* it is done, but never reported: others do it again */
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

bool redisp_report_last(struct shared_queue *queue, int error)
{
    char reason[REASON_BYTES];
    struct taker *taker = find_taker(queue, async_current_task());
    if (taker == NULL || taker->last == NULL)
        return queue->has_lost;
    struct delivery *delivery = taker->last;
    taker->last = delivery->next;
    if (error < 0 && error != -ECANCELED) {
        async_strerror_copy(error, reason, sizeof reason);
        delivery->reason = redisp_copy(reason);
    }
    report(queue, delivery, error);
    return true;
}

static bool is_in(const struct delivery *list, const char *entry)
{
    while (list != NULL && strcmp(list->entry, entry) != 0)
        list = list->next;
    return list != NULL;
}

bool redisp_is_held(const struct shared_queue *queue, const char *entry)
{
    for (size_t i = 0; i < TAKER_LISTS; i++)
        for (const struct taker *taker = queue->takers[i]; taker != NULL; taker = taker->next)
            if (is_in(taker->last, entry))
                return true;
    return is_in(queue->reports, entry);
}

/* ---- of all tasks --------------------------------------------------------------------------- */

void redisp_release_all(struct shared_queue *queue)
{
    queue->has_lost = true; /* the tasks go on, and will report them */
    for (size_t i = 0; i < TAKER_LISTS; i++)
        for (struct taker *taker = queue->takers[i]; taker != NULL; taker = taker->next)
            release_items(taker);
}

/* The tasks may go on for long. */
void redisp_forget_takers(struct shared_queue *queue)
{
    for (size_t i = 0; i < TAKER_LISTS; i++)
        while (queue->takers[i] != NULL) {
            struct taker *taker = queue->takers[i];
            async_task_remove_done_callback(taker->task, end_taker, taker);
            end_taker(taker->task, taker);
        }
}

static bool taker_has_suspect(const struct taker *taker)
{
    for (const struct delivery *delivery = taker->last; delivery != NULL; delivery = delivery->next)
        if (delivery->is_suspect)
            return true;
    return false;
}

bool redisp_has_suspect(const struct shared_queue *queue)
{
    for (size_t i = 0; i < TAKER_LISTS; i++)
        for (const struct taker *taker = queue->takers[i]; taker != NULL; taker = taker->next)
            if (taker_has_suspect(taker))
                return true;
    return false;
}

static size_t count_entries(const struct taker *taker, int priority)
{
    size_t count = 0;
    for (const struct delivery *delivery = taker->last; delivery != NULL; delivery = delivery->next)
        count += delivery->priority == priority;
    return count;
}

/* Behind the last one that is there: the new end. */
static struct entry *copy_entries(const struct taker *taker, int priority, struct entry *end)
{
    for (const struct delivery *delivery = taker->last; delivery != NULL; delivery = delivery->next)
        if (delivery->priority == priority)
            memcpy((end++)->id, delivery->entry, sizeof end->id);
    return end;
}

int redisp_held_entries(const struct shared_queue *queue, int priority, struct entry **entries,
                        size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < TAKER_LISTS; i++)
        for (const struct taker *taker = queue->takers[i]; taker != NULL; taker = taker->next)
            *count += count_entries(taker, priority);
    *entries = *count > 0 ? redisp_realloc(NULL, *count * sizeof **entries) : NULL;
    if (*count > 0 && *entries == NULL)
        return -ENOMEM;
    struct entry *end = *entries;
    for (size_t i = 0; i < TAKER_LISTS; i++)
        for (const struct taker *taker = queue->takers[i]; taker != NULL; taker = taker->next)
            end = copy_entries(taker, priority, end);
    return 0;
}
