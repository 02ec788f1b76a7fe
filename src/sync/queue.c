/*
 * sync/queue.c: async_queue in FIFO, LIFO and priority order. The order is a matter of items.c
 * only.
 *
 * Invariants: getters wait only while the queue is empty, putters only while it is full. So a put
 * copies its item directly to the longest-waiting getter, and a free place goes directly to the
 * longest-waiting putter.
 */
#include "sync/queue.h"
#include "base/values.h"
#include "sched/current.h"
#include "sched/pace.h"
#include "sync/items.h"
#include <asyncio/queue_kind.h>

struct async_queue {
    struct items items;
    struct list getters; /* of struct item_waiter */
    struct list putters; /* of struct item_waiter */
    struct list joiners;
    size_t limit;      /* a put waits at this many items; 0 after a shutdown */
    size_t maxsize;    /* as given to the constructor; 0: unbounded */
    size_t unfinished; /* items put and not reported with async_queue_task_done */
    /* its items are elsewhere: it has none, and no room; NULL: they are here */
    const async_queue_kind *kind;
    void *state; /* of the kind */
    /* called with each discarded item; NULL: none */
    void (*drop)(void *item, void *context);
    void *drop_context;
    bool shut_down;
    bool is_plain;                /* its items are here, and it was not shut down */
    bool freed;                   /* implies shut_down; the memory is kept until the loop closes */
    struct close_hook close_hook; /* registered with the loop when freed */
    async_allocator memory;
};

static bool is_consistent(const struct async_queue *queue)
{
    size_t limit = !queue->is_plain ? 0 : queue->maxsize != 0 ? queue->maxsize : SIZE_MAX;
    return (list_empty(&queue->getters) || (queue->items.count == 0 && !queue->shut_down)) &&
           (list_empty(&queue->putters) ||
            (queue->items.count == queue->limit && !queue->shut_down)) &&
           queue->limit == limit && queue->unfinished >= queue->items.count;
}

static void check_invariants(const struct async_queue *queue, const char *call)
{
    ENSURE(!ASYNC_CHECKS || is_consistent(queue),
           "%s: the queue's memory was overwritten; look for a use after free or a buffer overrun",
           call);
}

static void check_queue(const async_queue *queue, const char *call)
{
    ENSURE(queue != NULL, "%s: the queue is NULL; check the result of its constructor", call);
}

static int queue_new(async_queue **out, size_t maxsize, size_t item_size, enum order order,
                     int (*compare)(const void *a, const void *b))
{
    enum { MAX_ITEM_BYTES = 1 << 30 };
    if (out == NULL)
        return async_fail(-EINVAL, "async_queue_new: the place for the queue is NULL");
    *out = NULL;
    if (item_size == 0 || item_size > MAX_ITEM_BYTES ||
        (order == ORDER_PRIORITY && compare == NULL))
        return async_fail(-EINVAL,
                          "async_queue_new: item_size is 0 or more than 1 GiB, or compare is NULL");
    const async_allocator *memory = asyncp_current != NULL ? &asyncp_current->memory
                                                           : &asyncp_malloc;
    struct async_queue *queue = memory_new(memory, sizeof *queue);
    if (queue == NULL)
        return -ENOMEM;
    queue->is_plain = true;
    queue->maxsize = maxsize;
    queue->limit = maxsize != 0 ? maxsize : SIZE_MAX;
    queue->memory = *memory;
    asyncp_items_open(&queue->items, item_size, order, compare, *memory);
    *out = queue;
    return 0;
}

static bool is_complete(const async_queue_kind *kind)
{
    return kind->put != NULL && kind->put_nowait != NULL && kind->get_nowait != NULL &&
           kind->want != NULL && kind->report != NULL && kind->join != NULL &&
           kind->qsize != NULL && kind->shutdown != NULL && kind->free != NULL;
}

int async_queue_new_of(async_queue **queue, const async_queue_kind *kind, void *state,
                       size_t maxsize, size_t item_size)
{
    if (queue != NULL)
        *queue = NULL;
    if (kind == NULL || !is_complete(kind))
        return async_fail(-EINVAL, "async_queue_new_of: kind or one of its calls is NULL");
    ASYNC_TRY(queue_new(queue, maxsize, item_size, ORDER_FIFO, NULL));
    (*queue)->is_plain = false;
    (*queue)->kind = kind;
    (*queue)->state = state;
    (*queue)->limit = 0;
    return 0;
}

int async_queue_new(async_queue **queue, size_t maxsize, size_t item_size)
{
    return queue_new(queue, maxsize, item_size, ORDER_FIFO, NULL);
}

int async_lifo_queue_new(async_queue **queue, size_t maxsize, size_t item_size)
{
    return queue_new(queue, maxsize, item_size, ORDER_LIFO, NULL);
}

int async_priority_queue_new(async_queue **queue, size_t maxsize, size_t item_size,
                             int (*compare)(const void *a, const void *b))
{
    return queue_new(queue, maxsize, item_size, ORDER_PRIORITY, compare);
}

static void drop_items(struct async_queue *queue)
{
    while (queue->items.count > 0) {
        if (queue->drop != NULL)
            queue->drop(asyncp_items_first(&queue->items), queue->drop_context);
        asyncp_items_skip(&queue->items);
    }
}

static void free_queue_memory(struct async_queue *queue)
{
    async_allocator memory = queue->memory;
    memory_free(&memory, queue, sizeof *queue);
}

static void free_kept_queue(struct close_hook *hook)
{
    list_remove(&hook->link);
    free_queue_memory(CONTAINER_OF(hook, struct async_queue, close_hook));
}

/*
 * Keeps the memory of a freed queue until the loop closes: a task still using the queue gets an
 * error.
 */
static void keep_freed_queue(struct async_loop *loop, struct async_queue *queue)
{
    queue->freed = queue->shut_down = true;
    queue->is_plain = false;
    queue->limit = 0;
    queue->unfinished = SIZE_MAX; /* task_done has no effect, and join fails */
    queue->close_hook.on_close = free_kept_queue;
    asyncp_keep_freed(loop, &queue->close_hook);
}

/* The error of a call on a freed or shut-down queue. */
static int closed_error(const struct async_queue *queue)
{
    return queue->freed ? async_fail(-ECANCELED, "the queue was freed") : -ESHUTDOWN;
}

/* The same for a call that switches: other tasks run first, so a loop cannot starve them. */
static int fail_closed(struct async_loop *loop, const struct async_queue *queue)
{
    int error = closed_error(queue); /* read now: the queue may be freed while others run */
    if (error != -ECANCELED)
        return paced(loop, PACE_STEP, error);
    asyncp_yield_once(loop);
    return error;
}

void async_queue_free(async_queue *queue)
{
    if (queue == NULL)
        return;
    ENSURE(!queue->freed, "async_queue_free: the queue was freed already");
    asyncp_cancel_waiters(&queue->getters, "async_queue_free");
    asyncp_cancel_waiters(&queue->putters, "async_queue_free");
    asyncp_cancel_waiters(&queue->joiners, "async_queue_free");
    drop_items(queue);
    asyncp_items_close(&queue->items);
    if (queue->kind != NULL)
        queue->kind->free(queue->state);
    const struct async_loop *loop = asyncp_current;
    /* another allocator may not exist any more when this loop closes */
    if (loop != NULL && memcmp(&loop->memory, &queue->memory, sizeof loop->memory) == 0)
        keep_freed_queue(asyncp_current, queue);
    else
        free_queue_memory(queue);
}

void async_queue_on_drop(async_queue *queue, void (*drop)(void *item, void *context), void *context)
{
    check_queue(queue, "async_queue_on_drop");
    queue->drop = drop;
    queue->drop_context = context;
}

static void check_item(const async_queue *queue, const void *item, size_t size, const char *call)
{
    check_queue(queue, call);
    ENSURE(item != NULL, "%s: the item is NULL", call);
    ENSURE(size == queue->items.size, "%s: the item has %zu bytes, but this queue's items have %zu",
           call, size, queue->items.size);
}

static struct item_waiter *first_item_waiter(const struct list *waiters)
{
    struct waiter *waiter = waiter_first(waiters);
    return waiter != NULL ? CONTAINER_OF(waiter, struct item_waiter, waiter) : NULL;
}

static bool has_room(const struct async_queue *queue)
{
    return queue->items.count < queue->limit;
}

/* Gives the item to the longest-waiting getter, or stores it. Must not be full. */
static int add_item(struct async_queue *queue, const void *item)
{
    struct item_waiter *getter = queue->items.count == 0 ? first_item_waiter(&queue->getters)
                                                         : NULL;
    if (getter != NULL) {
        memory_copy(getter->item, item, queue->items.size);
        asyncp_wake(getter->waiter.wait, &getter->waiter, 0);
    } else if (unlikely(items_add(&queue->items, item) < 0)) {
        return -ENOMEM;
    }
    queue->unfinished++;
    return 0;
}

/* Takes the items of waiting putters while there is room. */
static void admit_putters(struct async_queue *queue)
{
    struct item_waiter *putter;
    while (has_room(queue) && (putter = first_item_waiter(&queue->putters)) != NULL)
        asyncp_wake(putter->waiter.wait, &putter->waiter, add_item(queue, putter->item));
}

OUT_OF_LINE static void take_and_admit(struct async_queue *queue, void *item)
{
    items_take(&queue->items, item);
    admit_putters(queue);
}

/* Takes the next item. Must not be empty. */
static void take_item(struct async_queue *queue, void *item)
{
    if (unlikely(!has_room(queue)))
        take_and_admit(queue, item);
    else
        items_take(&queue->items, item);
}

OUT_OF_LINE static int wait_for_transfer(struct async_loop *loop, struct async_queue *queue,
                                         struct list *waiters, void *item, const char *call)
{
    struct wait wait;
    struct item_waiter waiter;
    waiter.item = item;
    wait_init(&wait, call, queue, asyncp_cancel_wait);
    wait_on(&wait, &waiter.waiter, waiters);
    check_invariants(queue, call);
    int result = loop_park(loop, &wait); /* the queue may be freed now */
    return likely(result != -ECANCELED) ? result : asyncp_cancelled_by_free(&wait, result);
}

/* Of a queue that was shut down, or whose items are elsewhere. */
OUT_OF_LINE static int put_otherwise(struct async_loop *loop, struct async_queue *queue,
                                     const void *item)
{
    return queue->shut_down ? fail_closed(loop, queue) : queue->kind->put(queue->state, item);
}

/* The same for a get: an item that is here already, or the next one that comes. */
OUT_OF_LINE static int get_otherwise(struct async_loop *loop, struct async_queue *queue, void *item)
{
    if (queue->shut_down)
        return fail_closed(loop, queue);
    int result = queue->kind->get_nowait(queue->state, item);
    if (result != -EAGAIN)
        return paced(loop, PACE_STEP, result);
    queue->kind->want(queue->state);
    return wait_for_transfer(loop, queue, &queue->getters, item, "async_queue_get");
}

FLATTEN int asyncp_queue_put(async_queue *queue, const void *item, size_t size)
{
    struct async_loop *loop = loop_enter("async_queue_put");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop); /* before any use of the queue, which may be freed */
    check_item(queue, item, size, "async_queue_put");
    if (likely(has_room(queue)))
        return paced(loop, PACE_STEP, add_item(queue, item));
    if (unlikely(!queue->is_plain))
        return put_otherwise(loop, queue, item);
    return wait_for_transfer(loop, queue, &queue->putters, unconst(item), "async_queue_put");
}

FLATTEN int asyncp_queue_get(async_queue *queue, void *item, size_t size)
{
    struct async_loop *loop = loop_enter("async_queue_get");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    check_item(queue, item, size, "async_queue_get");
    if (likely(queue->items.count != 0)) {
        take_item(queue, item);
        return paced(loop, PACE_STEP, 0);
    }
    if (unlikely(!queue->is_plain))
        return get_otherwise(loop, queue, item);
    return wait_for_transfer(loop, queue, &queue->getters, item, "async_queue_get");
}

/* In a child of fork(): removes the parent's tasks from the waiters; they never run here. */
static inline void forsake_waiters(struct async_queue *queue)
{
    if (unlikely(asyncp_current == NULL)) {
        async_ignore(asyncp_drop_inherited(&queue->getters));
        async_ignore(asyncp_drop_inherited(&queue->putters));
    }
}

int asyncp_queue_put_nowait(async_queue *queue, const void *item, size_t size)
{
    loop_check_handler(asyncp_current, "async_queue_put_nowait");
    check_item(queue, item, size, "async_queue_put_nowait");
    forsake_waiters(queue);
    if (likely(has_room(queue)))
        return add_item(queue, item);
    if (queue->shut_down)
        return closed_error(queue);
    return queue->kind != NULL ? queue->kind->put_nowait(queue->state, item) : -EAGAIN;
}

int asyncp_queue_get_nowait(async_queue *queue, void *item, size_t size)
{
    check_item(queue, item, size, "async_queue_get_nowait");
    forsake_waiters(queue);
    if (likely(queue->items.count != 0)) {
        take_item(queue, item);
        return 0;
    }
    if (queue->shut_down)
        return closed_error(queue);
    return queue->kind != NULL ? queue->kind->get_nowait(queue->state, item) : -EAGAIN;
}

void *async_queue_state(const async_queue *queue, const async_queue_kind *kind)
{
    check_queue(queue, "async_queue_state");
    return queue->kind == kind && !queue->freed ? queue->state : NULL;
}

async_task *async_queue_hand(async_queue *queue, const void *item)
{
    check_queue(queue, "async_queue_hand");
    struct item_waiter *getter = first_item_waiter(&queue->getters);
    if (getter == NULL)
        return NULL;
    async_task *task = getter->waiter.wait->coroutine->task;
    memory_copy(getter->item, item, queue->items.size);
    asyncp_wake(getter->waiter.wait, &getter->waiter, 0);
    return task;
}

size_t async_queue_waiting(const async_queue *queue)
{
    size_t count = 0;
    check_queue(queue, "async_queue_waiting");
    for (const struct link *link = list_first(&queue->getters); link != NULL;
         link = list_after(&queue->getters, link))
        count++;
    return count;
}

static size_t count_items(const struct async_queue *queue)
{
    return queue->kind != NULL && !queue->freed ? queue->kind->qsize(queue->state)
                                                : queue->items.count;
}

size_t async_queue_qsize(const async_queue *queue)
{
    check_queue(queue, "async_queue_qsize");
    return count_items(queue);
}

size_t async_queue_maxsize(const async_queue *queue)
{
    check_queue(queue, "async_queue_maxsize");
    return queue->maxsize;
}

size_t async_queue_item_size(const async_queue *queue)
{
    check_queue(queue, "async_queue_item_size");
    return queue->items.size;
}

bool async_queue_empty(const async_queue *queue)
{
    check_queue(queue, "async_queue_empty");
    return count_items(queue) == 0;
}

bool async_queue_full(const async_queue *queue)
{
    check_queue(queue, "async_queue_full");
    return queue->maxsize != 0 && count_items(queue) >= queue->maxsize;
}

static void wake_joiners(struct async_queue *queue)
{
    if (queue->unfinished == 0)
        asyncp_wake_all(&queue->joiners, 0);
}

static void report(struct async_queue *queue, int error, const char *call)
{
    check_queue(queue, call);
    if (queue->kind != NULL && !queue->freed) {
        ENSURE(queue->kind->report(queue->state, error),
               "%s: this task has taken no item of the queue that is not reported", call);
        return;
    }
    ENSURE(queue->unfinished > queue->items.count,
           "%s was called more often than items were taken from the queue", call);
    queue->unfinished--;
    wake_joiners(queue);
}

void async_queue_task_done(async_queue *queue)
{
    report(queue, 0, "async_queue_task_done");
}

void async_queue_task_failed(async_queue *queue, int error)
{
    ENSURE(error < 0, "async_queue_task_failed: %d is no error; call async_queue_task_done", error);
    report(queue, error, "async_queue_task_failed");
}

static const char join_call[] = "async_queue_join"; /* a join is recognised by this address */

int async_queue_join(async_queue *queue)
{
    struct async_loop *loop = loop_enter(join_call);
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    check_queue(queue, join_call);
    if (queue->kind != NULL && !queue->freed)
        return queue->kind->join(queue->state);
    if (queue->unfinished == 0)
        return paced(loop, PACE_STEP, 0);
    if (unlikely(queue->freed))
        return fail_closed(loop, queue);
    return asyncp_wait_in_list(loop, &queue->joiners, join_call, queue, asyncp_cancel_wait);
}

void async_queue_shutdown(async_queue *queue, bool immediate)
{
    check_queue(queue, "async_queue_shutdown");
    if (queue->freed)
        return;
    queue->shut_down = true;
    queue->is_plain = false;
    queue->limit = 0;
    if (queue->kind != NULL)
        queue->kind->shutdown(queue->state, immediate);
    if (immediate) {
        queue->unfinished -= queue->items.count;
        drop_items(queue);
        wake_joiners(queue);
    }
    asyncp_wake_all(&queue->getters, -ESHUTDOWN);
    asyncp_wake_all(&queue->putters, -ESHUTDOWN);
    check_invariants(queue, "async_queue_shutdown");
}

size_t asyncp_queue_unreported(const struct wait *wait)
{
    if (wait->call != join_call)
        return 0;
    const struct async_queue *queue = wait->object;
    return queue->unfinished - queue->items.count;
}

struct list *asyncp_queue_getters(async_queue *queue)
{
    if (queue->kind != NULL && !queue->shut_down)
        queue->kind->want(queue->state);
    return &queue->getters;
}

struct list *asyncp_queue_putters(async_queue *queue)
{
    return &queue->putters;
}
