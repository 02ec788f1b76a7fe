/*
 * base/heap.h: a min-heap of deadlines; equal keys come out in the order of insertion. It is a
 * 4-ary heap whose entries contain the key, so moving an entry touches neither its node nor
 * the stack on which the node lies. It is fast with a million entries.
 *
 *   entries   [key|slot] [key|slot] …           the heap; four children share a cache line
 *   slots     [sequence|position|node] …        one for each entry; a slot's index does not change
 *
 * Invariant: slots[entries[i].slot].position == i, and no entry sorts before its parent.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "sys/assert.h"
#include "base/memory.h"

struct heap_entry {
    int64_t key;
    uint32_t slot; /* index in slots */
};

struct heap_slot {
    uint64_t sequence; /* order of insertion, for equal keys */
    void *node;        /* NULL: the slot is free */
    uint32_t position; /* index in entries; of a free slot the next free slot */
};

struct heap {
    struct heap_entry *entries; /* inside block; entries[0] has the smallest key */
    struct heap_slot *slots;
    uint64_t sequence;  /* of the next insertion */
    uint32_t count;     /* entries in use */
    uint32_t capacity;  /* of entries and slots */
    uint32_t free_slot; /* first free slot, or HEAP_NONE */
    void *block;        /* allocation of the entries */
    async_allocator memory;
};

#define HEAP_NONE UINT32_MAX

void asyncp_heap_open(struct heap *heap, async_allocator memory);
void asyncp_heap_close(struct heap *heap);

/* Adds a node. *slot returns its slot, for asyncp_heap_remove. 0 or -ENOMEM. */
int asyncp_heap_add(struct heap *heap, int64_t key, void *node, uint32_t *slot);

void asyncp_heap_remove(struct heap *heap, uint32_t slot);

/* The number of keys <= key, counted up to `limit`. */
uint32_t asyncp_heap_count_up_to(const struct heap *heap, int64_t key, uint32_t limit);

/* Asserts the invariant for all entries. */
void asyncp_heap_check(const struct heap *heap);

/* INT64_MAX if the heap is empty. */
static inline int64_t heap_min_key(const struct heap *heap)
{
    return heap->count != 0 ? heap->entries[0].key : INT64_MAX;
}

/* The heap must not be empty. */
static inline uint32_t heap_min_slot(const struct heap *heap)
{
    return heap->entries[0].slot;
}

/* NULL if the heap is empty. */
static inline void *heap_min_node(const struct heap *heap)
{
    return heap->count != 0 ? heap->slots[heap->entries[0].slot].node : NULL;
}

#endif
