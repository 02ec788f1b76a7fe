/*
 * sync/items.h: items held by value, and the order they come out in: a ring for first come first
 * served, the same ring from its other end for last in first out, a binary heap for the least
 * first. Knows nothing of tasks.
 *
 *   ring    … | oldest | item | newest | … |      oldest, end: byte offsets that wrap around
 *   heap    least | … | newest | … |               oldest is 0
 */
#ifndef SYNC_ITEMS_H
#define SYNC_ITEMS_H

#include "sys/assert.h"
#include "base/memory.h"

enum order { ORDER_FIFO, ORDER_LIFO, ORDER_PRIORITY };

struct items {
    char *places;    /* capacity × size bytes, and in a heap one more to move items with */
    size_t size;     /* bytes of an item */
    size_t count;    /* items held */
    size_t capacity; /* items that fit */
    size_t bytes;    /* capacity × size */
    size_t oldest;   /* bytes from places to the item that came first */
    size_t end;      /* bytes from places to where the next item goes, if there is a place */
    int (*compare)(const void *a, const void *b); /* of a heap: negative if a comes first */
    enum order order;                             /* which of the three */
    async_allocator memory;                       /* where the places come from */
};

void asyncp_items_open(struct items *items, size_t size, enum order order,
                       int (*compare)(const void *a, const void *b), async_allocator memory);
void asyncp_items_close(struct items *items);

/* Doubles the capacity. 0 or -ENOMEM. */
int asyncp_items_grow(struct items *items);

/* Where the item that comes out next lies; there is one. */
const void *asyncp_items_first(const struct items *items);

/* Forgets the item that comes out next; there is one. */
void asyncp_items_skip(struct items *items);

/* Moves the item that lies at the end of the heap up to where it belongs. */
void asyncp_items_sift_up(struct items *items);

/* Copies an item in. 0 or -ENOMEM. */
static inline int items_add(struct items *items, const void *item)
{
    if (unlikely(items->count == items->capacity) && asyncp_items_grow(items) < 0)
        return -ENOMEM;
    memory_copy(items->places + items->end, item, items->size);
    items->end += items->size;
    if (unlikely(items->end == items->bytes))
        items->end = 0;
    items->count++;
    if (unlikely(items->order == ORDER_PRIORITY))
        asyncp_items_sift_up(items);
    return 0;
}

/* Copies the next item out; there is one. */
static inline void items_take(struct items *items, void *item)
{
    ASSERT(items->count > 0);
    if (unlikely(items->order != ORDER_FIFO)) {
        memcpy(item, asyncp_items_first(items), items->size);
        asyncp_items_skip(items);
        return;
    }
    memory_copy(item, items->places + items->oldest, items->size);
    items->oldest += items->size;
    if (unlikely(items->oldest == items->bytes))
        items->oldest = 0;
    items->count--;
}

#endif
