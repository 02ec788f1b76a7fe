/*
 * sync/items.h: items held by value, and the order they come out in: a ring for first come first served, the same
 * ring from its other end for last in first out, a binary heap for the least first. Knows nothing of tasks.
 *
 *   ring    … | first | item | item | last | …        memory is a power of two of places, and wraps around
 *   heap    | least | … |                              first is 0
 */
#ifndef SYNC_ITEMS_H
#define SYNC_ITEMS_H

#include "base/assert.h"
#include "base/memory.h"

enum order { ORDER_FIFO, ORDER_LIFO, ORDER_PRIORITY };

struct items {
    char *places;    /* capacity × size bytes, and in a heap one more to move items with */
    size_t size;     /* bytes of an item */
    size_t count;    /* items held */
    size_t capacity; /* places, a power of two or 0 */
    size_t first;    /* of a ring: the place of the oldest */
    int (*compare)(const void *a, const void *b); /* of a heap: negative if a comes first */
    enum order order;                             /* which of the three */
    async_allocator memory;                       /* where the places come from */
};

void async__items_open(struct items *items, size_t size, enum order order,
                       int (*compare)(const void *a, const void *b), async_allocator memory);
void async__items_close(struct items *items);

/* Doubles the capacity. 0 or -ENOMEM. */
int async__items_grow(struct items *items);

/* Where the item that comes out next lies; NULL if there is none. */
const void *async__items_first(const struct items *items);

/* Closes the gap that the item which came out of a stack or heap left; it is counted no more. */
void async__items_close_gap(struct items *items);

/* Moves the item that lies at the end of the heap up to where it belongs. */
void async__items_sift_up(struct items *items);

static inline char *items_place(const struct items *items, size_t number)
{
    return items->places + ((items->first + number) & (items->capacity - 1)) * items->size;
}

/* Copies an item in. 0 or -ENOMEM. */
static inline int items_add(struct items *items, const void *item)
{
    if (unlikely(items->count == items->capacity) && async__items_grow(items) < 0)
        return -ENOMEM;
    memory_copy(items_place(items, items->count++), item, items->size);
    if (unlikely(items->order == ORDER_PRIORITY))
        async__items_sift_up(items);
    return 0;
}

/* Forgets the item that comes out next; there is one. */
static inline void items_skip(struct items *items)
{
    ASSERT(items->count > 0);
    items->count--;
    if (likely(items->order == ORDER_FIFO))
        items->first = (items->first + 1) & (items->capacity - 1);
    else
        async__items_close_gap(items);
}

/* Copies the next item out; there is one. */
static inline void items_take(struct items *items, void *item)
{
    size_t number = items->order == ORDER_LIFO ? items->count - 1 : 0;
    memory_copy(item, items_place(items, number), items->size);
    items_skip(items);
}

#endif
