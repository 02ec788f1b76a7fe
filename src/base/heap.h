/*
 * base/heap.h: a heap of deadlines, least first, equal ones in the order they were added. Fast at a
 * million: a 4-ary heap whose entries carry the key, so that moving one touches neither the node it
 * stands for nor the stack that node lives on. Knows nothing of timers or clocks.
 *
 *   entries   [key|slot] [key|slot] …           the heap; four children share a cache line
 *   slots     [sequence|position|node] …        one for each entry, at a number that never moves
 *
 * Invariant: slots[entries[i].slot].position == i, and no entry comes before its parent.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "sys/assert.h"
#include "base/memory.h"

struct heap_entry {
    int64_t key;   /* the deadline */
    uint32_t slot; /* where the rest of it is */
};

struct heap_slot {
    uint64_t sequence; /* when it was added: decides between equal keys */
    void *node;        /* what the entry stands for; NULL in a free slot */
    uint32_t position; /* in entries; in a free slot the next free one */
};

struct heap {
    struct heap_entry *entries; /* the heap itself, entries[0] the least */
    struct heap_slot *slots;    /* as many as entries can hold */
    uint64_t sequence;          /* the next addition's */
    uint32_t count;             /* entries in use */
    uint32_t capacity;          /* entries and slots allocated */
    uint32_t free_slot;         /* first of the free slots, HEAP_NONE if there is none */
    void *block;            /* what entries lie in: they begin where a cache line is shared best */
    async_allocator memory; /* where both arrays come from */
};

#define HEAP_NONE UINT32_MAX /* no slot */

void asyncp_heap_open(struct heap *heap, async_allocator memory);
void asyncp_heap_close(struct heap *heap);

/* Adds node under key and gives the slot to remove it by. 0, or -ENOMEM with nothing changed. */
int asyncp_heap_add(struct heap *heap, int64_t key, void *node, uint32_t *slot);

/* Takes out the entry in that slot. */
void asyncp_heap_remove(struct heap *heap, uint32_t slot);

/* How many keys are at most that one, counted up to `most`. */
uint32_t asyncp_heap_count(const struct heap *heap, int64_t key, uint32_t most);

/* Dies if the invariant does not hold. Looks at every entry. */
void asyncp_heap_check(const struct heap *heap);

/* The least key; INT64_MAX if there is none. */
static inline int64_t heap_least(const struct heap *heap)
{
    return heap->count != 0 ? heap->entries[0].key : INT64_MAX;
}

/* The slot of the least key; there is one. */
static inline uint32_t heap_first_slot(const struct heap *heap)
{
    return heap->entries[0].slot;
}

/* The node of the least key, NULL if there is none. */
static inline void *heap_first(const struct heap *heap)
{
    return heap->count != 0 ? heap->slots[heap->entries[0].slot].node : NULL;
}

#endif
