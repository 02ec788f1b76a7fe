/*
 * sync/items.h: items held by value in FIFO, LIFO or priority order: a ring used from either end,
 * or a binary heap. Knows nothing of tasks.
 *
 *   ring    … | oldest | item | newest | … |      oldest, end: byte offsets, wrapping around
 *   heap    least | … | newest | … |               oldest is 0
 */
#ifndef SYNC_ITEMS_H
#define SYNC_ITEMS_H

#include "sys/assert.h"
#include "base/memory.h"

enum order { ORDER_FIFO, ORDER_LIFO, ORDER_PRIORITY };

struct items {
    char *places;    /* capacity × size bytes; a heap has one spare place behind them */
    size_t size;     /* bytes of an item */
    size_t count;    /* items held */
    size_t capacity; /* the maximum of count */
    size_t plain;    /* up to this count, adding is plain copying: capacity, or 0 for a heap */
    size_t bytes;    /* capacity × size */
    size_t oldest;   /* offset in bytes of the first item */
    size_t end;      /* offset in bytes of the place for the next item, unless full */
    int (*compare)(const void *a, const void *b); /* heap only: negative if a comes first */
    enum order order;
    async_allocator memory;
};

void asyncp_items_open(struct items *items, size_t size, enum order order,
                       int (*compare)(const void *a, const void *b), async_allocator memory);
void asyncp_items_close(struct items *items);

/* The next item to come out. Must not be empty. */
void *asyncp_items_first(const struct items *items);

/* Removes the next item to come out. Must not be empty. */
void asyncp_items_skip(struct items *items);

/* items_add for a heap, or where there is no room. */
int asyncp_items_add_rarely(struct items *items, const void *item);

/* Adds a copy of the item to a ring with room. */
static inline void items_append(struct items *items, const void *item)
{
    memory_copy(items->places + items->end, item, items->size);
    items->end += items->size;
    if (unlikely(items->end == items->bytes))
        items->end = 0;
    items->count++;
}

/* Adds a copy of the item. 0 or -ENOMEM. */
static inline int items_add(struct items *items, const void *item)
{
    if (unlikely(items->count >= items->plain))
        return asyncp_items_add_rarely(items, item);
    items_append(items, item);
    return 0;
}

/* Copies the next item out and removes it. Must not be empty. */
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
