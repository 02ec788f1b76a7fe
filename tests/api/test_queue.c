/*
 * test_queue.c: the three kinds of queue without waiting: items of any size are copied in and out,
 * each kind has its order and its limit, and a call with a wrong argument ends the program. No loop
 * is needed.
 */
#include "run/runner.h"
#include "run/queues.h"

#include <string.h>

enum { LARGEST = 5000 };

static const size_t sizes[] = {1, 4, 8, 12, 100, LARGEST};

static int compare_first_bytes(const void *a, const void *b)
{
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

/* ---- items of every size -------------------------------------------------------------------- */

/* The first byte is the number itself, and every byte depends on it and on its place. */
static void fill(unsigned char *item, size_t size, int number)
{
    for (size_t i = 0; i < size; i++)
        item[i] = (unsigned char)((size_t)number + i * 7);
}

static void put_numbered(async_queue *queue, size_t size, int number)
{
    unsigned char item[LARGEST];
    fill(item, size, number);
    CHECK_EQ(asyncp_queue_put_nowait(queue, item, size), 0);
    memset(item, 0xee, size); /* the queue must not read this again */
}

/* Takes an item and checks each byte, and that the byte behind it was not written. */
static void get_numbered(async_queue *queue, size_t size, int number)
{
    unsigned char item[LARGEST + 1], expected[LARGEST];
    fill(expected, size, number);
    item[size] = 0x5c;
    CHECK_EQ(asyncp_queue_get_nowait(queue, item, size), 0);
    CHECK(memcmp(item, expected, size) == 0);
    CHECK_EQ(item[size], 0x5c);
}

/* Enough of them that the memory grows and is used from its beginning again. */
static void pass_items(async_queue *queue, size_t size, bool newest_first)
{
    enum { BATCH = 23, ROUNDS = 7 };
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++)
            put_numbered(queue, size, i);
        for (int i = 0; i < BATCH; i++)
            get_numbered(queue, size, newest_first ? BATCH - 1 - i : i);
    }
    async_queue_free(queue);
}

TEST(queue_copies_items_of_any_size)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        pass_items(new_queue(0, sizes[i]), sizes[i], false);
}

TEST(queue_lifo_copies_items_of_any_size)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        pass_items(new_lifo_queue(0, sizes[i]), sizes[i], true);
}

TEST(queue_priority_copies_items_of_any_size)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        pass_items(new_priority_queue(0, sizes[i], compare_first_bytes), sizes[i], false);
}

TEST(queue_takes_its_size_from_the_pointer)
{
    struct letter {
        double weight;
        char text[24];
    } sent = {.weight = 0.25, .text = "to whom it may concern"}, received = {0};
    async_queue *queue = new_queue(0, sizeof sent);
    CHECK_EQ(async_queue_put_nowait(queue, &sent), 0);
    CHECK_EQ(async_queue_put_nowait(queue, &(struct letter){.text = "a literal will do"}), 0);
    CHECK_EQ(async_queue_get_nowait(queue, &received), 0);
    CHECK_STR(received.text, sent.text);
    CHECK(received.weight == sent.weight);
    CHECK_EQ(async_queue_get_nowait(queue, &received), 0);
    CHECK_STR(received.text, "a literal will do");
    async_queue_free(queue);
}

/* ---- order ---------------------------------------------------------------------------------- */

static void put_ints(async_queue *queue, const int *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(async_queue_put_nowait(queue, &items[i]), 0);
}

static void expect_ints(async_queue *queue, const int *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int item = -1;
        CHECK_EQ(async_queue_get_nowait(queue, &item), 0);
        CHECK_EQ(item, items[i]);
    }
    CHECK(async_queue_empty(queue));
}

static const int shuffled[] = {3, 1, 4, 15, 9, 2, 6, 5, 35, 8, 97};
enum { SHUFFLED_COUNT = sizeof shuffled / sizeof shuffled[0] };

TEST(queue_gives_the_oldest_item_first)
{
    async_queue *queue = new_queue(0, sizeof(int));
    put_ints(queue, shuffled, SHUFFLED_COUNT);
    expect_ints(queue, shuffled, SHUFFLED_COUNT);
    async_queue_free(queue);
}

TEST(queue_lifo_gives_the_newest_item_first)
{
    async_queue *queue = new_lifo_queue(0, sizeof(int));
    put_ints(queue, (const int[]){1, 2, 3}, 3);
    int item;
    CHECK_EQ(async_queue_get_nowait(queue, &item), 0);
    CHECK_EQ(item, 3);
    put_ints(queue, (const int[]){4, 5}, 2);
    expect_ints(queue, (const int[]){5, 4, 2, 1}, 4);
    async_queue_free(queue);
}

TEST(queue_priority_gives_the_least_item_first)
{
    async_queue *queue = new_priority_queue(0, sizeof(int), compare_ints);
    put_ints(queue, shuffled, SHUFFLED_COUNT);
    int item;
    CHECK_EQ(async_queue_get_nowait(queue, &item), 0);
    CHECK_EQ(item, 1);
    put_ints(queue, (const int[]){0, 7}, 2);
    expect_ints(queue, (const int[]){0, 2, 3, 4, 5, 6, 7, 8, 9, 15, 35, 97}, 12);
    async_queue_free(queue);
}

/* ---- the limit, and calls that never wait --------------------------------------------------- */

TEST(queue_counts_what_can_be_taken)
{
    async_queue *queue = new_queue(3, sizeof(int));
    CHECK_EQ(async_queue_maxsize(queue), 3);
    CHECK_EQ(async_queue_item_size(queue), sizeof(int));
    for (size_t count = 0; count < 3; count++) {
        CHECK_EQ(async_queue_qsize(queue), count);
        CHECK_EQ(async_queue_empty(queue), count == 0);
        CHECK(!async_queue_full(queue));
        put_ints(queue, shuffled, 1);
    }
    CHECK_EQ(async_queue_qsize(queue), 3);
    CHECK(async_queue_full(queue) && !async_queue_empty(queue));
    async_queue_free(queue);
}

TEST(queue_put_nowait_gives_eagain_when_full)
{
    async_queue *queue = new_queue(2, sizeof(int));
    put_ints(queue, (const int[]){1, 2}, 2);
    CHECK_EQ(async_queue_put_nowait(queue, &(int){3}), -EAGAIN);
    CHECK_EQ(async_queue_qsize(queue), 2);
    expect_ints(queue, (const int[]){1, 2}, 2);
    put_ints(queue, (const int[]){4}, 1);
    expect_ints(queue, (const int[]){4}, 1);
    async_queue_free(queue);
}

TEST(queue_get_nowait_gives_eagain_when_empty)
{
    int item = 77;
    async_queue *queue = new_queue(2, sizeof(int));
    CHECK_EQ(async_queue_get_nowait(queue, &item), -EAGAIN);
    put_ints(queue, (const int[]){1}, 1);
    expect_ints(queue, (const int[]){1}, 1);
    CHECK_EQ(async_queue_get_nowait(queue, &item), -EAGAIN);
    CHECK_EQ(item, 77);
    async_queue_free(queue);
}

TEST(queue_without_a_limit_is_never_full)
{
    enum { MANY = 100000 };
    async_queue *queue = new_queue(0, sizeof(int));
    CHECK_EQ(async_queue_maxsize(queue), 0);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(async_queue_put_nowait(queue, &i), 0);
    CHECK(!async_queue_full(queue));
    CHECK_EQ(async_queue_qsize(queue), MANY);
    for (int i = 0, item; i < MANY; i++) {
        CHECK_EQ(async_queue_get_nowait(queue, &item), 0);
        CHECK_EQ(item, i);
    }
    async_queue_free(queue);
}

/* ---- creating and freeing -------------------------------------------------------------------- */

TEST(queue_new_refuses_invalid_arguments)
{
    size_t beyond = ((size_t)1 << 30) + 1;
    async_queue *queue;
    CHECK_EQ(async_queue_new(NULL, 0, 1), -EINVAL);
    CHECK_EQ(async_queue_new(&queue, 0, 0), -EINVAL);
    CHECK(queue == NULL);
    CHECK_EQ(async_lifo_queue_new(&queue, 0, 0), -EINVAL);
    CHECK_EQ(async_priority_queue_new(&queue, 0, 0, compare_ints), -EINVAL);
    CHECK_EQ(async_queue_new(&queue, 0, beyond), -EINVAL);
    CHECK_EQ(async_priority_queue_new(&queue, 0, sizeof(int), NULL), -EINVAL);
    CHECK_EQ(async_queue_new(&queue, 0, beyond - 1), 0);
    async_queue_free(queue);
}

TEST(queue_free_of_null_does_nothing)
{
    async_queue_free(NULL);
    async_auto_queue *queue = NULL;
    (void)queue;
}

TEST(queue_free_drops_each_item_once)
{
    int dropped = 0;
    async_queue *queue = new_queue(0, sizeof(int));
    async_queue_on_drop(queue, append_dropped, &dropped);
    put_ints(queue, (const int[]){1, 2, 3, 4}, 4);
    int item;
    CHECK_EQ(async_queue_get_nowait(queue, &item), 0); /* taken is not dropped */
    CHECK_EQ(dropped, 0);
    async_queue_free(queue);
    CHECK_EQ(dropped, 234);
}

TEST(queue_free_drops_in_the_order_of_the_queue)
{
    int dropped = 0;
    async_queue *lifo = new_lifo_queue(0, sizeof(int));
    async_queue *priority = new_priority_queue(0, sizeof(int), compare_ints);
    async_queue_on_drop(lifo, append_dropped, &dropped);
    async_queue_on_drop(priority, append_dropped, &dropped);
    put_ints(lifo, (const int[]){1, 2, 3}, 3);
    put_ints(priority, (const int[]){6, 4, 5}, 3);
    async_queue_free(lifo);
    CHECK_EQ(dropped, 321);
    async_queue_free(priority);
    CHECK_EQ(dropped, 321456);
}

TEST(queue_auto_is_freed_when_the_block_is_left)
{
    int dropped = 0;
    {
        async_auto_queue *queue = new_queue(0, sizeof(int));
        async_queue_on_drop(queue, append_dropped, &dropped);
        put_ints(queue, (const int[]){8}, 1);
        CHECK_EQ(dropped, 0);
    }
    CHECK_EQ(dropped, 8);
}

static int move_one(async_queue *from, async_queue **into)
{
    int item;
    *into = new_queue(0, sizeof(int));
    ASYNC_TRY(async_queue_get(from, &item));
    return async_queue_put(*into, &item);
}
async_fn(move_one, async_queue *, async_queue **);

TEST_EACH_BACKEND(queue_may_be_older_or_live_longer_than_the_loop)
{
    async_queue *older = new_queue(0, sizeof(int)), *younger = NULL;
    put_ints(older, (const int[]){5, 6}, 2);
    CHECK_EQ(async_run_with(test_options(), move_one, older, &younger), 0);
    expect_ints(older, (const int[]){6}, 1);
    expect_ints(younger, (const int[]){5}, 1);
    put_ints(younger, shuffled, SHUFFLED_COUNT);
    async_queue_free(older);
    async_queue_free(younger);
}

/* ---- misuse --------------------------------------------------------------------------------- */

DEATH_TEST(queue_put_nowait_of_a_wrong_size_dies,
           "async_queue_put_nowait: the item has 8 bytes, but this queue's items have 4")
{
    async_ignore(async_queue_put_nowait(new_queue(0, 4), &(int64_t){1}));
}

DEATH_TEST(queue_get_nowait_of_a_wrong_size_dies,
           "async_queue_get_nowait: the item has 1 bytes, but this queue's items have 4")
{
    async_ignore(async_queue_get_nowait(new_queue(0, 4), &(char){1}));
}

static int put_wrong(async_queue *queue)
{
    return async_queue_put(queue, &(char){1});
}
async_fn(put_wrong, async_queue *);

DEATH_TEST(queue_put_of_a_wrong_size_dies,
           "async_queue_put: the item has 1 bytes, but this queue's items have 4")
{
    async_ignore(async_run(put_wrong, new_queue(0, 4)));
}

static int get_wrong(async_queue *queue)
{
    return async_queue_get(queue, &(int64_t){1});
}
async_fn(get_wrong, async_queue *);

DEATH_TEST(queue_get_of_a_wrong_size_dies,
           "async_queue_get: the item has 8 bytes, but this queue's items have 4")
{
    async_ignore(async_run(get_wrong, new_queue(0, 4)));
}

DEATH_TEST(queue_that_is_null_dies,
           "async_queue_put_nowait: the queue is NULL; check the result of its constructor")
{
    async_ignore(async_queue_put_nowait(new_queue(0, 0), &(int){1}));
}

static int put_null(void)
{
    const int *nothing = NULL;
    return async_queue_put(new_queue(0, sizeof *nothing), nothing);
}
async_fn(put_null);

DEATH_TEST(queue_put_of_a_null_item_dies, "async_queue_put: the item is NULL")
{
    async_ignore(async_run(put_null));
}

DEATH_TEST(queue_get_into_null_dies, "async_queue_get_nowait: the item is NULL")
{
    int *nowhere = NULL;
    async_ignore(async_queue_get_nowait(new_queue(0, sizeof *nowhere), nowhere));
}

DEATH_TEST(queue_put_outside_a_task_dies, "async_queue_put was called outside a task")
{
    async_ignore(async_queue_put(new_queue(0, sizeof(int)), &(int){1}));
}
