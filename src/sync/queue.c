/*
 * sync/queue.c: Queue, LifoQueue and PriorityQueue. One struct serves all three: what differs is
 * only in which order items lie in their memory (see items.h).
 *
 * Invariants: tasks wait to get only while the queue is empty, to put only while it is full. So an
 * item goes straight from a put to the task that has waited longest, and a free place to the one
 * that has waited longest to put.
 */
#include "sched/fork.h"
#include "sched/pace.h"
#include "sync/items.h"
#include "sync/line.h"
#include <asyncio/queue.h>

struct async_queue {
    struct items items;  /* what can be taken */
    struct list getters; /* tasks that wait for an item, their struct transfer */
    struct list putters; /* tasks that wait for room, their struct transfer */
    struct list joiners; /* tasks that wait until everything is done */
    size_t limit;        /* puts wait at this many items; 0 when it is shut down */
    size_t maxsize;      /* as asked for; 0: any number */
    size_t unfinished;   /* items put and not reported done */
    void (*drop)(void *item,
                 void *context); /* disposes of items thrown away; NULL: nothing to do */
    void *drop_context;          /* handed to it */
    bool shut_down;              /* puts fail, and gets once it is empty */
    bool freed;                  /* and so do joins; it is shut down, too */
    struct guest guest;          /* when it is freed: of the loop */
    async_allocator memory;      /* where this struct comes from */
};

static bool is_consistent(const struct async_queue *queue)
{
    size_t limit = queue->shut_down ? 0 : queue->maxsize != 0 ? queue->maxsize : SIZE_MAX;
    return (list_empty(&queue->getters) || (queue->items.count == 0 && !queue->shut_down)) &&
           (list_empty(&queue->putters) ||
            (queue->items.count == queue->limit && !queue->shut_down)) &&
           queue->limit == limit && queue->unfinished >= queue->items.count;
}

/* In builds with checks: memory that the program frees and uses is not the library's fault. */
static void check(const struct async_queue *queue, const char *call)
{
    ENSURE(
        !ASYNC_CHECKS || is_consistent(queue),
        "%s: the memory of the queue was written over; was it freed before, or its array overrun?",
        call);
}

static void check_queue(const async_queue *queue, const char *call)
{
    ENSURE(queue != NULL, "%s: the queue is NULL; was there memory for it?", call);
}

static int queue_new(async_queue **out, size_t maxsize, size_t item_size, enum order order,
                     int (*compare)(const void *a, const void *b))
{
    enum { MAX_ITEM_BYTES = 1 << 30 };
    if (out == NULL)
        return -EINVAL;
    *out = NULL;
    if (item_size == 0 || item_size > MAX_ITEM_BYTES ||
        (order == ORDER_PRIORITY && compare == NULL))
        return -EINVAL;
    const async_allocator *memory = asyncp_current != NULL ? &asyncp_current->memory
                                                           : &asyncp_malloc;
    struct async_queue *queue = memory_new(memory, sizeof *queue);
    if (queue == NULL)
        return -ENOMEM;
    queue->maxsize = maxsize;
    queue->limit = maxsize != 0 ? maxsize : SIZE_MAX;
    queue->memory = *memory;
    asyncp_items_open(&queue->items, item_size, order, compare, *memory);
    *out = queue;
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
            queue->drop((void *)(uintptr_t)asyncp_items_first(&queue->items), queue->drop_context);
        asyncp_items_skip(&queue->items);
    }
}

static void free_memory(struct async_queue *queue)
{
    async_allocator memory = queue->memory;
    memory_free(&memory, queue, sizeof *queue);
}

static void forget_freed(struct guest *guest)
{
    list_remove(&guest->link);
    free_memory(CONTAINER_OF(guest, struct async_queue, guest));
}

/* A task that has not heard of it gets an error, where it would use memory that is gone. */
static void keep_freed(struct async_loop *loop, struct async_queue *queue)
{
    queue->freed = queue->shut_down = true;
    queue->limit = 0;
    queue
        ->unfinished = SIZE_MAX; /* task_done is nothing, and join finds that the queue was freed */
    queue->guest.loop_closes = forget_freed;
    asyncp_guest_freed(loop, &queue->guest);
}

/* What a call gives that the queue can serve no more. */
static int closed_error(const struct async_queue *queue)
{
    return queue->freed ? async_fail(-ECANCELED, "the queue was freed") : -ESHUTDOWN;
}

/*
 * The same for a call that switches: one that is made again and again must not keep the others from
 * running.
 */
static int closed_turn(struct async_loop *loop, const struct async_queue *queue)
{
    int error = closed_error(queue); /* first: its memory may go in that turn */
    if (error != -ECANCELED)
        return paced(loop, PACE_STEP, error);
    asyncp_turn(loop);
    return error;
}

void async_queue_free(async_queue *queue)
{
    if (queue == NULL)
        return;
    ENSURE(!queue->freed, "async_queue_free: the queue was freed before");
    asyncp_dismiss(&queue->getters, "async_queue_free");
    asyncp_dismiss(&queue->putters, "async_queue_free");
    asyncp_dismiss(&queue->joiners, "async_queue_free");
    drop_items(queue);
    asyncp_items_close(&queue->items);
    const struct async_loop *loop = asyncp_current;
    if (loop != NULL && memcmp(&loop->memory, &queue->memory, sizeof loop->memory) == 0)
        keep_freed(asyncp_current, queue); /* another allocator may be gone before this loop is */
    else
        free_memory(queue);
}

void async_queue_on_drop(async_queue *queue, void (*drop)(void *item, void *context), void *context)
{
    check_queue(queue, "async_queue_on_drop");
    queue->drop = drop;
    queue->drop_context = context;
}

static void check_size(const async_queue *queue, size_t size, const char *call)
{
    check_queue(queue, call);
    ENSURE(size == queue->items.size, "%s: the item has %zu bytes, but this queue's items have %zu",
           call, size, queue->items.size);
}

static struct transfer *first_in_line(const struct list *line)
{
    struct waiter *waiter = waiter_first(line);
    return waiter != NULL ? CONTAINER_OF(waiter, struct transfer, waiter) : NULL;
}

static bool has_room(const struct async_queue *queue)
{
    return queue->items.count < queue->limit;
}

/* Hands the item to whoever waits longest, else keeps it. There is room. */
static int accept(struct async_queue *queue, const void *item)
{
    struct transfer *getter = queue->items.count == 0 ? first_in_line(&queue->getters) : NULL;
    if (getter != NULL) {
        memory_copy(getter->item, item, queue->items.size);
        asyncp_wake(getter->waiter.wait, &getter->waiter, 0);
    } else if (unlikely(items_add(&queue->items, item) < 0)) {
        return -ENOMEM;
    }
    queue->unfinished++;
    return 0;
}

/* Lets those in who wait to put, as far as there is room. */
static void let_in(struct async_queue *queue)
{
    struct transfer *putter;
    while (has_room(queue) && (putter = first_in_line(&queue->putters)) != NULL)
        asyncp_wake(putter->waiter.wait, &putter->waiter, accept(queue, putter->item));
}

OUT_OF_LINE static void give_and_let_in(struct async_queue *queue, void *item)
{
    items_take(&queue->items, item);
    let_in(queue);
}

/* Takes the next item, which is there. */
static void give(struct async_queue *queue, void *item)
{
    if (unlikely(!has_room(queue)))
        give_and_let_in(queue, item);
    else
        items_take(&queue->items, item);
}

OUT_OF_LINE static int stand_in_line(struct async_loop *loop, struct async_queue *queue,
                                     struct list *line, void *item, const char *call)
{
    struct wait wait;
    struct transfer transfer;
    transfer.item = item;
    wait_init(&wait, call, queue, asyncp_refuse_wait);
    wait_on(&wait, &transfer.waiter, line);
    check(queue, call);
    int result = loop_park(loop, &wait); /* the queue may be gone by then */
    return likely(result != -ECANCELED) ? result : asyncp_dismissed(&wait, result);
}

FLATTEN int asyncp_queue_put(async_queue *queue, const void *item, size_t size)
{
    struct async_loop *loop = loop_enter("async_queue_put");
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop); /* first: what a task that was cancelled uses may be gone */
    check_size(queue, size, "async_queue_put");
    if (likely(has_room(queue)))
        return paced(loop, PACE_STEP, accept(queue, item));
    if (queue->shut_down)
        return closed_turn(loop, queue);
    return stand_in_line(loop, queue, &queue->putters, (void *)(uintptr_t)item, "async_queue_put");
}

FLATTEN int asyncp_queue_get(async_queue *queue, void *item, size_t size)
{
    struct async_loop *loop = loop_enter("async_queue_get");
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    check_size(queue, size, "async_queue_get");
    if (likely(queue->items.count != 0)) {
        give(queue, item);
        return paced(loop, PACE_STEP, 0);
    }
    if (queue->shut_down)
        return closed_turn(loop, queue);
    return stand_in_line(loop, queue, &queue->getters, item, "async_queue_get");
}

/* In a child of fork() an item must not go to a task that never runs there. */
static inline void forsake_lines(struct async_queue *queue)
{
    if (unlikely(asyncp_current == NULL)) {
        async_ignore(asyncp_forsake(&queue->getters));
        async_ignore(asyncp_forsake(&queue->putters));
    }
}

int asyncp_queue_put_nowait(async_queue *queue, const void *item, size_t size)
{
    loop_check_handler(asyncp_current, "async_queue_put_nowait");
    check_size(queue, size, "async_queue_put_nowait");
    forsake_lines(queue);
    if (likely(has_room(queue)))
        return accept(queue, item);
    return queue->shut_down ? closed_error(queue) : -EAGAIN;
}

int asyncp_queue_get_nowait(async_queue *queue, void *item, size_t size)
{
    check_size(queue, size, "async_queue_get_nowait");
    forsake_lines(queue);
    if (queue->items.count == 0)
        return queue->shut_down ? closed_error(queue) : -EAGAIN;
    give(queue, item);
    return 0;
}

size_t async_queue_qsize(const async_queue *queue)
{
    check_queue(queue, "async_queue_qsize");
    return queue->items.count;
}

size_t async_queue_maxsize(const async_queue *queue)
{
    check_queue(queue, "async_queue_maxsize");
    return queue->maxsize;
}

bool async_queue_empty(const async_queue *queue)
{
    check_queue(queue, "async_queue_empty");
    return queue->items.count == 0;
}

bool async_queue_full(const async_queue *queue)
{
    check_queue(queue, "async_queue_full");
    return queue->maxsize != 0 && queue->items.count >= queue->maxsize;
}

static void release_joiners(struct async_queue *queue)
{
    if (queue->unfinished == 0)
        asyncp_wake_all(&queue->joiners, 0);
}

void async_queue_task_done(async_queue *queue)
{
    check_queue(queue, "async_queue_task_done");
    ENSURE(queue->unfinished > queue->items.count,
           "async_queue_task_done was called more often than items were taken from the queue");
    queue->unfinished--;
    release_joiners(queue);
}

static const char join_call[] = "async_queue_join"; /* known by its address */

int async_queue_join(async_queue *queue)
{
    struct async_loop *loop = loop_enter(join_call);
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    check_queue(queue, join_call);
    if (queue->unfinished == 0)
        return paced(loop, PACE_STEP, 0);
    if (unlikely(queue->freed))
        return closed_turn(loop, queue);
    return asyncp_stand_in_line(loop, &queue->joiners, join_call, queue, asyncp_refuse_wait);
}

void async_queue_shutdown(async_queue *queue, bool immediate)
{
    check_queue(queue, "async_queue_shutdown");
    if (queue->freed)
        return;
    queue->shut_down = true;
    queue->limit = 0;
    if (immediate) {
        queue->unfinished -= queue->items.count;
        drop_items(queue);
        release_joiners(queue);
    }
    asyncp_wake_all(&queue->getters, -ESHUTDOWN);
    asyncp_wake_all(&queue->putters, -ESHUTDOWN);
    check(queue, "async_queue_shutdown");
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
    return &queue->getters;
}

struct list *asyncp_queue_putters(async_queue *queue)
{
    return &queue->putters;
}
