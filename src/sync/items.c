/*
 * sync/items.c: a growing ring, and a binary heap. The heap makes the same comparisons as Python's
 * heapq and therefore returns equal items in the same order.
 */
#include "sync/items.h"

enum { FIRST_CAPACITY = 8 };

void asyncp_items_open(struct items *items, size_t size, enum order order,
                       int (*compare)(const void *a, const void *b), async_allocator memory)
{
    *items = (struct items){.size = size, .order = order, .compare = compare, .memory = memory};
}

/* The size to allocate for the items: a heap has one spare place to move items with. */
static size_t add_spare_place(const struct items *items, size_t bytes)
{
    return bytes != 0 && items->order == ORDER_PRIORITY ? bytes + items->size : bytes;
}

void asyncp_items_close(struct items *items)
{
    memory_free(&items->memory, items->places, add_spare_place(items, items->bytes));
    items->places = NULL;
    items->capacity = items->plain = items->bytes = 0;
}

/* Doubles the capacity. 0 or -ENOMEM. */
static int grow_items(struct items *items)
{
    ASSERT(items->count == items->capacity && items->end == items->oldest);
    size_t capacity = items->capacity != 0 ? items->capacity * 2 : FIRST_CAPACITY;
    if (capacity > SIZE_MAX / 2 / items->size)
        return -ENOMEM;
    size_t bytes = capacity * items->size;
    char *places = memory_resize(&items->memory, NULL, 0, add_spare_place(items, bytes));
    if (places == NULL)
        return -ENOMEM;
    if (items->bytes != 0) { /* the ring is full: copy from oldest to its end, then the rest */
        size_t until_end = items->bytes - items->oldest;
        memcpy(places, items->places + items->oldest, until_end);
        memcpy(places + until_end, items->places, items->oldest);
    }
    memory_free(&items->memory, items->places, add_spare_place(items, items->bytes));
    items->places = places;
    items->capacity = capacity;
    items->plain = items->order != ORDER_PRIORITY ? capacity : 0;
    items->oldest = 0;
    items->end = items->bytes;
    items->bytes = bytes;
    return 0;
}

/* The offset of the last item; end is 0 after it has wrapped around. */
static size_t last_offset(const struct items *items)
{
    return (items->end != 0 ? items->end : items->bytes) - items->size;
}

void *asyncp_items_first(const struct items *items)
{
    ASSERT(items->count > 0);
    return items->places + (items->order == ORDER_LIFO ? last_offset(items) : items->oldest);
}

static char *heap_place(const struct items *items, size_t number)
{
    return items->places + number * items->size;
}

/* Moves the hole up to below the first parent not sorted after the item, and fills it. */
static void fill_upwards(struct items *items, size_t hole, const char *item)
{
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (items->compare(item, heap_place(items, parent)) >= 0)
            break;
        memcpy(heap_place(items, hole), heap_place(items, parent), items->size);
        hole = parent;
    }
    memcpy(heap_place(items, hole), item, items->size);
}

static char *spare_place(const struct items *items)
{
    return items->places + items->bytes;
}

/* Moves the last item of the heap up to its position. */
static void sift_last_up(struct items *items)
{
    char *item = spare_place(items);
    memcpy(item, heap_place(items, items->count - 1), items->size);
    fill_upwards(items, items->count - 1, item);
}

int asyncp_items_add_rarely(struct items *items, const void *item)
{
    if (items->count == items->capacity && grow_items(items) < 0)
        return -ENOMEM;
    items_append(items, item);
    if (items->order == ORDER_PRIORITY)
        sift_last_up(items);
    return 0;
}

/* Moves the hole at the top down along the lesser children, then the last item up from there. */
static void close_top(struct items *items)
{
    size_t hole = 0, count = items->count;
    char *last = spare_place(items);
    memcpy(last, heap_place(items, count), items->size);
    for (size_t child = 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count &&
            items->compare(heap_place(items, child), heap_place(items, child + 1)) >= 0)
            child++;
        memcpy(heap_place(items, hole), heap_place(items, child), items->size);
        hole = child;
    }
    fill_upwards(items, hole, last);
}

void asyncp_items_skip(struct items *items)
{
    ASSERT(items->count > 0);
    items->count--;
    if (items->order == ORDER_FIFO) {
        items->oldest = (items->oldest + items->size) % items->bytes;
        return;
    }
    items->end = last_offset(items);
    if (items->order == ORDER_PRIORITY && items->count > 0)
        close_top(items);
}
