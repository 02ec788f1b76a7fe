/*
 * sync/items.c: the growing ring and the binary heap. The heap works as Python's heapq does, by comparisons only, so
 * that a program sees the same order among equals as it does there.
 */
#include "sync/items.h"

enum { FIRST_CAPACITY = 8 };

void async__items_open(struct items *items, size_t size, enum order order,
                       int (*compare)(const void *a, const void *b), async_allocator memory)
{
    *items = (struct items){.size = size, .order = order, .compare = compare, .memory = memory};
}

/* Bytes of the places; the heap has one more than it can hold, to move an item with. */
static size_t bytes_for(const struct items *items, size_t capacity)
{
    size_t places = capacity != 0 && items->order == ORDER_PRIORITY ? capacity + 1 : capacity;
    return places * items->size;
}

void async__items_close(struct items *items)
{
    memory_free(&items->memory, items->places, bytes_for(items, items->capacity));
    items->places = NULL;
    items->capacity = 0;
}

int async__items_grow(struct items *items)
{
    size_t capacity = items->capacity != 0 ? items->capacity * 2 : FIRST_CAPACITY;
    if (capacity > SIZE_MAX / 2 / items->size)
        return -ENOMEM;
    char *places = memory_resize(&items->memory, NULL, 0, bytes_for(items, capacity));
    if (places == NULL)
        return -ENOMEM;
    size_t until_end = items->capacity -
                       items->first; /* the ring is full: from first to its end, then the rest */
    if (items->capacity != 0) {
        memcpy(places, items_place(items, 0), until_end * items->size);
        memcpy(places + until_end * items->size, items->places, items->first * items->size);
    }
    memory_free(&items->memory, items->places, bytes_for(items, items->capacity));
    items->places = places;
    items->capacity = capacity;
    items->first = 0;
    return 0;
}

const void *async__items_first(const struct items *items)
{
    if (items->count == 0)
        return NULL;
    return items_place(items, items->order == ORDER_LIFO ? items->count - 1 : 0);
}

/* Moves the item in the spare place up from a hole, to below the first parent that does not come after it. */
static void fill_upwards(struct items *items, size_t hole, const char *item)
{
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (items->compare(item, items_place(items, parent)) >= 0)
            break;
        memcpy(items_place(items, hole), items_place(items, parent), items->size);
        hole = parent;
    }
    memcpy(items_place(items, hole), item, items->size);
}

static char *spare_place(const struct items *items)
{
    return items->places + items->capacity * items->size;
}

void async__items_sift_up(struct items *items)
{
    char *item = spare_place(items);
    memcpy(item, items_place(items, items->count - 1), items->size);
    fill_upwards(items, items->count - 1, item);
}

/* The hole at the top goes down by the lesser child to the end, and the last item comes up from there. */
static void close_top(struct items *items)
{
    size_t hole = 0, count = items->count;
    char *last = spare_place(items);
    memcpy(last, items_place(items, count), items->size);
    for (size_t child = 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count &&
            items->compare(items_place(items, child), items_place(items, child + 1)) >= 0)
            child++;
        memcpy(items_place(items, hole), items_place(items, child), items->size);
        hole = child;
    }
    fill_upwards(items, hole, last);
}

void async__items_close_gap(struct items *items)
{
    if (items->order == ORDER_PRIORITY && items->count > 0)
        close_top(items);
}
