/*
 * base/heap.c: the 4-ary heap. An entry moves as a hole: other entries shift into the hole, and the
 * entry fills it at the end, so each step is one copy and one store of a position.
 */
#include "base/heap.h"

enum { MIN_HEAP_CAPACITY = 64, CHILDREN = 4 };

/*
 * The children of i are 4i+1 … 4i+4. With three unused entries in front, siblings share a cache
 * line.
 */
enum { UNUSED_IN_FRONT = CHILDREN - 1 };

static size_t entries_block_size(uint32_t capacity)
{
    return ((size_t)capacity + UNUSED_IN_FRONT) * sizeof(struct heap_entry) + CACHE_LINE;
}

static struct heap_entry *entries_in(void *block)
{
    uintptr_t line = ((uintptr_t)block + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);
    return (struct heap_entry *)line + UNUSED_IN_FRONT;
}

void asyncp_heap_open(struct heap *heap, async_allocator memory)
{
    *heap = (struct heap){.free_slot = HEAP_NONE, .memory = memory};
}

void asyncp_heap_close(struct heap *heap)
{
    if (ASYNC_CHECKS)
        asyncp_heap_check(heap);
    memory_free(&heap->memory, heap->block, entries_block_size(heap->capacity));
    memory_free(&heap->memory, heap->slots, heap->capacity * sizeof *heap->slots);
    asyncp_heap_open(heap, heap->memory);
}

/* Two entries are never equal: their sequences differ. */
static bool sorts_before(const struct heap *heap, struct heap_entry a, struct heap_entry b)
{
    if (likely(a.key != b.key))
        return a.key < b.key;
    return heap->slots[a.slot].sequence < heap->slots[b.slot].sequence;
}

static void put_entry(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    heap->entries[position] = entry;
    heap->slots[entry.slot].position = position;
}

/* Fills the hole at position, or moves it up first, with the entry. */
static void sift_up(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / CHILDREN;
        if (!sorts_before(heap, entry, heap->entries[parent]))
            break;
        put_entry(heap, position, heap->entries[parent]);
        position = parent;
    }
    put_entry(heap, position, entry);
}

static uint32_t min_child(const struct heap *heap, uint32_t position)
{
    uint32_t min = CHILDREN * position + 1;
    uint32_t end = heap->count - min < CHILDREN ? heap->count : min + CHILDREN;
    for (uint32_t child = min + 1; child < end; child++)
        if (sorts_before(heap, heap->entries[child], heap->entries[min]))
            min = child;
    return min;
}

/* Fills the hole at position, or moves it down first, with the entry. */
static void sift_down(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    while (position < (heap->count + CHILDREN - 2) / CHILDREN) {
        uint32_t child = min_child(heap, position);
        if (!sorts_before(heap, heap->entries[child], entry))
            break;
        put_entry(heap, position, heap->entries[child]);
        position = child;
    }
    put_entry(heap, position, entry);
}

OUT_OF_LINE static int heap_grow(struct heap *heap)
{
    uint32_t old = heap->capacity;
    uint32_t capacity = old != 0 ? old * 2 : MIN_HEAP_CAPACITY;
    void *block = capacity > old
                      ? memory_resize(&heap->memory, NULL, 0, entries_block_size(capacity))
                      : NULL;
    if (block == NULL)
        return -ENOMEM;
    struct heap_slot *slots = memory_resize(&heap->memory, heap->slots, old * sizeof *slots,
                                            capacity * sizeof *slots);
    if (slots == NULL) {
        memory_free(&heap->memory, block, entries_block_size(capacity));
        return -ENOMEM;
    }
    if (old != 0)
        memcpy(entries_in(block), heap->entries, heap->count * sizeof *heap->entries);
    memory_free(&heap->memory, heap->block, entries_block_size(old));
    for (uint32_t slot = old; slot < capacity; slot++)
        slots[slot] = (struct heap_slot){.position = slot + 1 < capacity ? slot + 1 : HEAP_NONE};
    heap->block = block;
    heap->entries = entries_in(block);
    heap->slots = slots;
    heap->free_slot = old;
    heap->capacity = capacity;
    return 0;
}

OUT_OF_LINE static int grow_and_add(struct heap *heap, int64_t key, void *node, uint32_t *slot)
{
    return heap_grow(heap) < 0 ? -ENOMEM : asyncp_heap_add(heap, key, node, slot);
}

FLATTEN int asyncp_heap_add(struct heap *heap, int64_t key, void *node, uint32_t *slot)
{
    ASSERT(node != NULL);
    uint32_t taken = heap->free_slot;
    if (unlikely(taken == HEAP_NONE))
        return grow_and_add(heap, key, node, slot);
    heap->free_slot = heap->slots[taken].position;
    heap->slots[taken].sequence = heap->sequence++;
    heap->slots[taken].node = node;
    *slot = taken;
    sift_up(heap, heap->count++, (struct heap_entry){.key = key, .slot = taken});
    return 0;
}

/* Fills the hole at position with the former last entry. */
OUT_OF_LINE static void refill_hole(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    bool up = position > 0 && sorts_before(heap, entry, heap->entries[(position - 1) / CHILDREN]);
    (up ? sift_up : sift_down)(heap, position, entry);
}

void asyncp_heap_remove(struct heap *heap, uint32_t slot)
{
    ASSERT(slot < heap->capacity && heap->slots[slot].node != NULL);
    uint32_t position = heap->slots[slot].position;
    heap->slots[slot].node = NULL;
    heap->slots[slot].position = heap->free_slot;
    heap->free_slot = slot;
    heap->count--;
    if (position != heap->count)
        refill_hole(heap, position, heap->entries[heap->count]);
}

/* Counts in the subtree at the position. */
static uint32_t count_subtree(const struct heap *heap, uint64_t position, int64_t key,
                              uint32_t limit)
{
    if (limit == 0 || position >= heap->count || heap->entries[position].key > key)
        return 0;
    uint32_t count = 1;
    for (uint64_t child = 1; child <= CHILDREN; child++)
        count += count_subtree(heap, CHILDREN * position + child, key, limit - count);
    return count;
}

uint32_t asyncp_heap_count_up_to(const struct heap *heap, int64_t key, uint32_t limit)
{
    return count_subtree(heap, 0, key, limit);
}

void asyncp_heap_check(const struct heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++) {
        const struct heap_slot *slot = &heap->slots[heap->entries[i].slot];
        ASSERT(slot->position == i && slot->node != NULL);
        ASSERT(i == 0 || sorts_before(heap, heap->entries[(i - 1) / CHILDREN], heap->entries[i]));
        (void)slot;
    }
}
