/*
 * test_queue_kind.c: queues whose items are elsewhere: the calls reach the kind, tasks wait in the
 * queue, and items are handed to them in line, also to a select.
 */
#include "run/runner.h"
#include <asyncio/queue_kind.h>
#include <string.h>

/* A kind whose items are in an array. */
struct shelf {
    async_queue *queue;
    int items[10];
    size_t count;
    int wanted, reported, failed;
    bool was_shut_down, was_freed;
};

static int shelf_put_nowait(void *state, const void *item)
{
    struct shelf *shelf = state;
    if (async_queue_hand(shelf->queue, item) != NULL)
        return 0;
    if (shelf->count == 10)
        return -EAGAIN;
    shelf->items[shelf->count++] = *(const int *)item;
    return 0;
}

static int shelf_put(void *state, const void *item)
{
    ASYNC_TRY(async_sleep(0));
    return shelf_put_nowait(state, item);
}

static int shelf_get_nowait(void *state, void *item)
{
    struct shelf *shelf = state;
    if (shelf->count == 0)
        return -EAGAIN;
    *(int *)item = shelf->items[0];
    memmove(shelf->items, shelf->items + 1, --shelf->count * sizeof(int));
    return 0;
}

static void shelf_want(void *state)
{
    ((struct shelf *)state)->wanted++;
}

static bool shelf_report(void *state, int error)
{
    ((struct shelf *)state)->reported++;
    ((struct shelf *)state)->failed += error < 0;
    return true;
}

static int shelf_join(void *state)
{
    struct shelf *shelf = state;
    return shelf->count == 0 ? async_sleep(0) : -EBUSY;
}

static size_t shelf_qsize(const void *state)
{
    return ((const struct shelf *)state)->count;
}

static void shelf_shutdown(void *state, bool immediate)
{
    struct shelf *shelf = state;
    shelf->was_shut_down = true;
    shelf->count = immediate ? 0 : shelf->count;
}

static void shelf_free(void *state)
{
    ((struct shelf *)state)->was_freed = true;
}

static const async_queue_kind shelf_kind = {.put = shelf_put,
                                            .put_nowait = shelf_put_nowait,
                                            .get_nowait = shelf_get_nowait,
                                            .want = shelf_want,
                                            .report = shelf_report,
                                            .join = shelf_join,
                                            .qsize = shelf_qsize,
                                            .shutdown = shelf_shutdown,
                                            .free = shelf_free};

static void open_shelf(struct shelf *shelf)
{
    *shelf = (struct shelf){0};
    CHECK_EQ(async_queue_new_of(&shelf->queue, &shelf_kind, shelf, 10, sizeof(int)), 0);
}

LOOP_TEST(queue_of_a_kind_passes_calls_on)
{
    struct shelf shelf;
    int item = 1;
    open_shelf(&shelf);
    CHECK_EQ(async_queue_put(shelf.queue, &item), 0);
    item = 2;
    CHECK_EQ(async_queue_put_nowait(shelf.queue, &item), 0);
    CHECK_EQ(async_queue_qsize(shelf.queue), 2);
    CHECK(async_queue_state(shelf.queue, &shelf_kind) == &shelf);
    CHECK(async_queue_state(shelf.queue, &(async_queue_kind){0}) == NULL);
    CHECK(!async_queue_empty(shelf.queue) && !async_queue_full(shelf.queue));
    CHECK_EQ(async_queue_join(shelf.queue), -EBUSY);
    CHECK_EQ(async_queue_get(shelf.queue, &item), 0);
    CHECK_EQ(item, 1);
    CHECK_EQ(async_queue_get_nowait(shelf.queue, &item), 0);
    CHECK_EQ(item, 2);
    CHECK_EQ(async_queue_get_nowait(shelf.queue, &item), -EAGAIN);
    CHECK_EQ(shelf.wanted, 0);
    async_queue_task_done(shelf.queue);
    async_queue_task_failed(shelf.queue, -EIO);
    CHECK_EQ(shelf.reported, 2);
    CHECK_EQ(shelf.failed, 1);
    CHECK_EQ(async_queue_join(shelf.queue), 0);
    async_queue_shutdown(shelf.queue, false);
    CHECK(shelf.was_shut_down);
    CHECK_EQ(async_queue_put(shelf.queue, &item), -ESHUTDOWN);
    CHECK_EQ(async_queue_get(shelf.queue, &item), -ESHUTDOWN);
    async_queue_free(shelf.queue);
    CHECK(shelf.was_freed);
    return 0;
}

static int take_one(async_queue *queue, int *got)
{
    return async_queue_get(queue, got);
}
async_fn(take_one, async_queue *, int *);

static int select_one(async_queue *queue, async_queue *other, int *got)
{
    return async_select(async_on_get(other, got), async_on_get(queue, got));
}
async_fn(select_one, async_queue *, async_queue *, int *);

LOOP_TEST(queue_of_a_kind_hands_items_to_tasks_in_line)
{
    struct shelf shelf;
    async_auto_queue *other = NULL;
    int first = 0, second = 0, third = 0, item;
    open_shelf(&shelf);
    CHECK_EQ(async_queue_new(&other, 1, sizeof(int)), 0);
    async_task *one = async_create_task(take_one, shelf.queue, &first);
    async_task *two = async_create_task(select_one, shelf.queue, other, &second);
    async_task *three = async_create_task(take_one, shelf.queue, &third);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(shelf.wanted, 3);
    CHECK_EQ(async_queue_waiting(shelf.queue), 3);
    async_task_cancel(one);
    CHECK_EQ(async_await(one), -ECANCELED);
    CHECK_EQ(async_queue_waiting(shelf.queue), 2);
    CHECK(async_queue_hand(shelf.queue, &(int){5}) == two);
    CHECK(async_queue_hand(shelf.queue, &(int){6}) == three);
    CHECK(async_queue_hand(shelf.queue, &(int){7}) == NULL);
    CHECK_EQ(async_await(two), 1);
    CHECK_EQ(async_await(three), 0);
    CHECK(second == 5 && third == 6);
    item = 8;
    CHECK_EQ(async_select(async_on_put(shelf.queue, &item)), 0);
    CHECK_EQ(async_select(async_on_get(shelf.queue, &item)), 0);
    CHECK_EQ(item, 8);
    async_queue_free(shelf.queue);
    CHECK_EQ(async_queue_new_of(&shelf.queue, NULL, NULL, 1, 4), -EINVAL);
    CHECK_EQ(async_queue_new_of(&shelf.queue, &(async_queue_kind){0}, NULL, 1, 4), -EINVAL);
    return 0;
}

LOOP_TEST(queue_that_is_local_counts_a_failed_item_as_done)
{
    async_auto_queue *queue = NULL;
    int item = 1;
    CHECK_EQ(async_queue_new(&queue, 1, sizeof item), 0);
    CHECK_EQ(async_queue_put(queue, &item), 0);
    CHECK_EQ(async_queue_get(queue, &item), 0);
    async_queue_task_failed(queue, -EIO);
    CHECK_EQ(async_queue_join(queue), 0);
    return 0;
}
