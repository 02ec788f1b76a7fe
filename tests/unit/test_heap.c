/*
 * test_heap.c: the heap of deadlines beside a plain model, an array that is sorted when its order
 * is asked for: a million random keys with many equals and removals, every small size exhaustively,
 * and growth without memory.
 */
#include "base/heap.h"
#include "run/runner.h"

#include <stdlib.h>

/* An entry of the model; its address is the heap's node. */
struct known {
    int64_t key;     /* in the heap */
    size_t sequence; /* how many were added before */
    uint32_t slot;   /* to remove it by */
    bool inside;     /* added and not removed */
};

static int by_key_then_age(const void *a, const void *b)
{
    const struct known *first = *(const struct known *const *)a,
                       *second = *(const struct known *const *)b;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return (first->sequence > second->sequence) - (first->sequence < second->sequence);
}

/* A list of those inside in the order in which they must come out. The caller frees it. */
static struct known **sorted(struct known *all, size_t count, size_t *inside)
{
    struct known **list = malloc((count + 1) * sizeof *list);
    CHECK(list != NULL);
    *inside = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i].inside)
            list[(*inside)++] = &all[i];
    qsort(list, *inside, sizeof *list, by_key_then_age);
    return list;
}

static void add(struct heap *heap, struct known *known, int64_t key, size_t sequence)
{
    *known = (struct known){.key = key, .sequence = sequence, .inside = true};
    CHECK_EQ(asyncp_heap_add(heap, key, known, &known->slot), 0);
}

static void take_out(struct heap *heap, struct known *known)
{
    asyncp_heap_remove(heap, known->slot);
    known->inside = false;
}

/* Empties the heap from the front, beside the model. */
static void drain(struct heap *heap, struct known *all, size_t count)
{
    size_t inside;
    struct known **expected = sorted(all, count, &inside);
    CHECK_EQ(heap->count, inside);
    for (size_t i = 0; i < inside; i++) {
        CHECK_EQ(heap_min_key(heap), expected[i]->key);
        CHECK(heap_min_node(heap) == expected[i]);
        take_out(heap, expected[i]);
    }
    CHECK_EQ(heap_min_key(heap), INT64_MAX);
    CHECK(heap_min_node(heap) == NULL);
    free(expected);
}

static int64_t random_key(unsigned short random[3])
{
    static const int64_t corners[] = {0, -1, 1, INT64_MAX, INT64_MIN, INT64_MAX - 1};
    int64_t wide = (int64_t)nrand48(random) << 32 | (int64_t)nrand48(random) << 1;
    switch (nrand48(random) % 4) {
    case 0:
        return corners[(size_t)nrand48(random) % (sizeof corners / sizeof corners[0])];
    case 1:
        return nrand48(random) % 100; /* many equals */
    case 2:
        return -wide;
    default:
        return wide;
    }
}

TEST(heap_gives_a_million_keys_in_order_after_random_removals)
{
    enum { MANY = 1000000 };
    unsigned short random[3] = {2, 7, 1};
    struct known *all = calloc(MANY, sizeof *all);
    CHECK(all != NULL);
    struct heap heap;
    asyncp_heap_open(&heap, test_options()->allocator);
    for (size_t i = 0; i < MANY; i++) {
        add(&heap, &all[i], random_key(random), i);
        struct known *victim = &all[(size_t)nrand48(random) % (i + 1)];
        if (i % 2 == 0 && victim->inside)
            take_out(&heap, victim);
    }
    asyncp_heap_check(&heap);
    CHECK(heap.count > MANY / 2);
    drain(&heap, all, MANY);
    asyncp_heap_close(&heap);
    free(all);
}

/* Each removal from each size, so that every way of closing the hole is gone. */
TEST(heap_closes_the_hole_wherever_an_entry_is_removed)
{
    enum { MAX_COUNT = 70 };
    unsigned short random[3] = {3, 1, 4};
    for (size_t count = 1; count <= MAX_COUNT; count++)
        for (size_t victim = 0; victim < count; victim++) {
            struct known all[MAX_COUNT];
            struct heap heap;
            asyncp_heap_open(&heap, test_options()->allocator);
            for (size_t i = 0; i < count; i++)
                add(&heap, &all[i], nrand48(random) % 20, i);
            take_out(&heap, &all[victim]);
            asyncp_heap_check(&heap);
            drain(&heap, all, count);
            asyncp_heap_close(&heap);
        }
}

TEST(heap_keeps_equal_keys_in_the_order_they_were_added)
{
    enum { MANY = 1000 };
    static struct known all[MANY];
    struct heap heap;
    asyncp_heap_open(&heap, test_options()->allocator);
    for (size_t i = 0; i < MANY; i++)
        add(&heap, &all[i], 42, i);
    for (size_t i = 0; i < MANY; i += 3)
        take_out(&heap, &all[i]);
    for (size_t i = 0; i < MANY; i += 3)
        add(&heap, &all[i], 42, MANY + i); /* in used slots, and yet behind the others */
    drain(&heap, all, MANY);
    asyncp_heap_close(&heap);
}

TEST(heap_reuses_the_slots_of_removed_entries)
{
    struct known known;
    struct heap heap;
    asyncp_heap_open(&heap, test_options()->allocator);
    for (size_t i = 0; i < 100000; i++) {
        add(&heap, &known, (int64_t)i, i);
        take_out(&heap, &known);
    }
    CHECK(heap.capacity < 1000);
    asyncp_heap_close(&heap);
}

/* The heap is full: an addition needs memory for two arrays, and gets that many blocks, 0 or 1. */
static void expect_no_growth(struct heap *heap, long blocks)
{
    struct known known;
    uint32_t slot, count = heap->count;
    test_allow_allocations(blocks);
    CHECK_EQ(asyncp_heap_add(heap, 1, &known, &slot), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(heap->count, count);
    asyncp_heap_check(heap);
}

TEST(heap_that_cannot_grow_is_as_it_was)
{
    enum { MANY = 1025 };
    static struct known all[MANY];
    struct heap heap;
    int refused = 0;
    asyncp_heap_open(&heap, test_options()->allocator);
    for (size_t i = 0; i < MANY; i++) {
        if (heap.count == heap.capacity) {
            expect_no_growth(&heap, 0);
            expect_no_growth(&heap, 1);
            refused++;
        }
        add(&heap, &all[i], (int64_t)(i * 7919 % 1000), i);
    }
    CHECK(refused > 3);
    drain(&heap, all, MANY);
    asyncp_heap_close(&heap);
}

TEST(heap_counts_keys_up_to_one_without_taking_them)
{
    enum { COUNT = 1000, MAX_COUNT = 16 };
    struct known all[COUNT];
    struct heap heap;
    asyncp_heap_open(&heap, test_options()->allocator);
    CHECK_EQ(asyncp_heap_count_up_to(&heap, INT64_MAX, MAX_COUNT), 0);
    for (size_t i = 0; i < COUNT; i++)
        add(&heap, &all[i], (int64_t)(i * 7919 % COUNT), i);
    for (int64_t key = -1; key < COUNT; key++) {
        CHECK_EQ(asyncp_heap_count_up_to(&heap, key, COUNT), key + 1);
        CHECK_EQ(asyncp_heap_count_up_to(&heap, key, MAX_COUNT),
                 key + 1 < MAX_COUNT ? key + 1 : MAX_COUNT);
    }
    CHECK_EQ(asyncp_heap_count_up_to(&heap, COUNT, 0), 0);
    drain(&heap, all, COUNT);
    asyncp_heap_close(&heap);
}

TEST(heap_that_is_empty_has_no_memory)
{
    struct heap heap;
    asyncp_heap_open(&heap, test_options()->allocator);
    asyncp_heap_check(&heap);
    CHECK_EQ(heap_min_key(&heap), INT64_MAX);
    CHECK(heap_min_node(&heap) == NULL);
    CHECK(heap.block == NULL && heap.slots == NULL);
    asyncp_heap_close(&heap);
    asyncp_heap_close(&heap);
}

DEATH_TEST(heap_check_finds_an_entry_before_its_parent, "this is a bug in the library")
{
    struct known all[3];
    struct heap heap;
    if (!ASYNC_CHECKS)
        test_skip("this library was built without self-checks");
    asyncp_heap_open(&heap, test_options()->allocator);
    for (size_t i = 0; i < 3; i++)
        add(&heap, &all[i], (int64_t)i, i);
    heap.entries[0].key = 9;
    asyncp_heap_check(&heap);
}
