/*
 * test_items.c: the memory of a queue: that the ring and the heap give items in their order
 * wherever the ring begins and however often it grew, that the heap treats equal items as Python's
 * heapq does (python3 is asked), and that growth without memory loses nothing.
 */
#include "run/runner.h"
#include "sync/items.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
    int key;    /* the key that is compared */
    int number; /* not compared: 0, 1, 2… in the order of insertion */
};

static int compare_keys(const void *a, const void *b)
{
    return ((const struct entry *)a)->key - ((const struct entry *)b)->key;
}

static void open_items(struct items *items, enum order order)
{
    asyncp_items_open(items, sizeof(struct entry), order, compare_keys, test_options()->allocator);
}

static void add(struct items *items, int key, int number)
{
    CHECK_EQ(items_add(items, &(struct entry){key, number}), 0);
}

static struct entry take(struct items *items)
{
    struct entry entry;
    CHECK(items->count > 0);
    struct entry announced = *(const struct entry *)asyncp_items_first(items);
    items_take(items, &entry);
    CHECK_EQ(entry.number, announced.number);
    return entry;
}

/* ---- the ring ------------------------------------------------------------------------------- */

/* Numbers go in and come out, so many of each at a time; never out of order. */
static void pass_through(struct items *items, int *in, int *out, int adds, int takes)
{
    for (int i = 0; i < adds; i++, (*in)++)
        add(items, 0, *in);
    for (int i = 0; i < takes; i++, (*out)++)
        CHECK_EQ(take(items).number, *out);
    CHECK_EQ(items->count, (size_t)(*in - *out));
}

TEST(items_ring_keeps_its_order_wherever_it_begins_when_it_grows)
{
    enum { PLACES = 8 };
    for (int begin = 0; begin < PLACES; begin++) {
        struct items items;
        int in = 0, out = 0;
        open_items(&items, ORDER_FIFO);
        pass_through(&items, &in, &out, begin, begin);
        pass_through(&items, &in, &out, PLACES, 0);
        CHECK_EQ(items.capacity, PLACES);
        CHECK_EQ(items.oldest, (size_t)(begin % PLACES) * sizeof(struct entry));
        pass_through(&items, &in, &out, 1, PLACES + 1);
        CHECK_EQ(items.capacity, 2 * PLACES);
        asyncp_items_close(&items);
    }
}

TEST(items_ring_keeps_its_order_whatever_goes_in_and_out)
{
    unsigned short random[3] = {1, 2, 3};
    struct items items;
    int in = 0, out = 0;
    open_items(&items, ORDER_FIFO);
    for (int i = 0; i < 20000; i++) {
        int adds = (int)(nrand48(random) % 9);
        int takes = (int)(nrand48(random) % 9);
        pass_through(&items, &in, &out, adds, takes < in + adds - out ? takes : 0);
    }
    asyncp_items_close(&items);
}

TEST(items_from_the_other_end_come_out_newest_first)
{
    unsigned short random[3] = {4, 5, 6};
    struct items items;
    int numbers[1000], count = 0;
    open_items(&items, ORDER_LIFO);
    for (int i = 0; i < 20000; i++) {
        bool adds = count == 0 || (count < 1000 && nrand48(random) % 2 == 0);
        if (adds)
            add(&items, 0, numbers[count++] = i);
        else
            CHECK_EQ(take(&items).number, numbers[--count]);
    }
    asyncp_items_close(&items);
}

TEST(items_skipped_are_gone_and_the_next_comes_out)
{
    static const enum order orders[] = {ORDER_FIFO, ORDER_LIFO, ORDER_PRIORITY};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct items items;
        open_items(&items, orders[i]);
        for (int round = 0; round < 20; round++) {
            int low = orders[i] == ORDER_LIFO ? 2 : 1;
            add(&items, low, round);
            add(&items, 3 - low, -round);
            asyncp_items_skip(&items); /* the one that comes out first */
            CHECK_EQ(items.count, 1);
            CHECK_EQ(take(&items).number, orders[i] == ORDER_LIFO ? round : -round);
        }
        asyncp_items_close(&items);
    }
}

/* ---- the heap, beside Python's -------------------------------------------------------------- */

enum { OPERATIONS = 6000, KEYS = 12 }; /* few keys: most entries have equals */

/*
 * Plays the same game with heapq, whose tuples here compare by the key alone, and prints the popped
 * items.
 */
static const char *const heapq_game =
    "import heapq\n"
    "class Entry:\n"
    "    def __init__(self, key, number): self.key, self.number = key, number\n"
    "    def __lt__(self, other): return self.key < other.key\n"
    "heap, state = [], 1\n"
    "for number in range(%d):\n"
    "    state = (state * 1103515245 + 12345) %% 2**31\n"
    "    if heap and state // 65536 %% 5 < 2: print(heapq.heappop(heap).number)\n"
    "    else: heapq.heappush(heap, Entry(state // 65536 // 5 %% %d, number))\n"
    "while heap: print(heapq.heappop(heap).number)\n";

static FILE *start_python(void)
{
    char command[1024];
    int length = snprintf(command, sizeof command, "python3 -c '");
    length += snprintf(command + length, sizeof command - (size_t)length, heapq_game, OPERATIONS,
                       KEYS);
    snprintf(command + length, sizeof command - (size_t)length, "'");
    return popen(command, "r");
}

static void expect_next(FILE *python, struct items *items)
{
    int number;
    CHECK_EQ(fscanf(python, "%d", &number), 1);
    CHECK_EQ(take(items).number, number);
}

TEST(items_heap_orders_equals_as_pythons_heapq_does)
{
    test_needs_python();
    FILE *python = start_python();
    CHECK(python != NULL);
    struct items items;
    unsigned state = 1;
    open_items(&items, ORDER_PRIORITY);
    for (int number = 0; number < OPERATIONS; number++) {
        state = (state * 1103515245u + 12345u) % (1u << 31);
        if (items.count > 0 && state / 65536 % 5 < 2)
            expect_next(python, &items);
        else
            add(&items, (int)(state / 65536 / 5 % KEYS), number);
    }
    CHECK(items.count > OPERATIONS / 10);
    while (items.count > 0)
        expect_next(python, &items);
    CHECK_EQ(pclose(python), 0);
    asyncp_items_close(&items);
}

/* ---- out of memory -------------------------------------------------------------------------- */

static void expect_growth_to_fail(enum order order, int first_out)
{
    struct items items;
    open_items(&items, order);
    for (int i = 0; i < 8; i++)
        add(&items, i, i);
    test_allow_allocations(0);
    CHECK_EQ(items_add(&items, &(struct entry){-1, 8}), -ENOMEM);
    CHECK_EQ(items_add(&items, &(struct entry){-1, 8}), -ENOMEM);
    CHECK_EQ(items.count, 8);
    test_allow_allocations(-1);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(take(&items).number, first_out == 0 ? i : first_out - i);
    asyncp_items_close(&items);
}

TEST(items_that_cannot_grow_lose_nothing)
{
    expect_growth_to_fail(ORDER_FIFO, 0);
    expect_growth_to_fail(ORDER_LIFO, 7);
    expect_growth_to_fail(ORDER_PRIORITY, 0);
}

/* Doubling the places of such items would overflow a size_t long before memory is asked for. */
TEST(items_too_large_to_double_are_refused)
{
    struct items items;
    asyncp_items_open(&items, SIZE_MAX / 8, ORDER_FIFO, NULL, test_options()->allocator);
    CHECK_EQ(items_add(&items, &items), -ENOMEM);
    asyncp_items_close(&items);
}
