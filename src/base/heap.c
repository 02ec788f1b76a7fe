/*
 * base/heap.c: the 4-ary heap of deadlines. An entry is moved by leaving a hole, shifting entries
 * into it and filling it at the end, so each step is one copy and one position written. See heap.h
 * for the layout.
 */
#include "base/heap.h"

enum { FIRST_CAPACITY = 64, CACHE_LINE = 64, CHILDREN = 4 };

/*
 * Children of i are 4i+1 … 4i+4: with three entries of room in front, each family begins on a cache
 * line.
 */
enum { ROOM_IN_FRONT = CHILDREN - 1 };

static size_t block_size(uint32_t capacity)
{
    return ((size_t)capacity + ROOM_IN_FRONT) * sizeof(struct heap_entry) + CACHE_LINE;
}

static struct heap_entry *entries_in(void *block)
{
    uintptr_t line = ((uintptr_t)block + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);
    return (struct heap_entry *)line + ROOM_IN_FRONT;
}

void asyncp_heap_open(struct heap *heap, async_allocator memory)
{
    *heap = (struct heap){.free_slot = HEAP_NONE, .memory = memory};
}

void asyncp_heap_close(struct heap *heap)
{
    if (ASYNC_CHECKS)
        asyncp_heap_check(heap);
    memory_free(&heap->memory, heap->block, block_size(heap->capacity));
    memory_free(&heap->memory, heap->slots, heap->capacity * sizeof *heap->slots);
    asyncp_heap_open(heap, heap->memory);
}

/* Whether a comes before b; two entries are never equal, because their sequences differ. */
static bool before(const struct heap *heap, struct heap_entry a, struct heap_entry b)
{
    if (likely(a.key != b.key))
        return a.key < b.key;
    return heap->slots[a.slot].sequence < heap->slots[b.slot].sequence;
}

static void place(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    heap->entries[position] = entry;
    heap->slots[entry.slot].position = position;
}

/* Moves the hole at position up to where entry belongs, and fills it. */
static void sift_up(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / CHILDREN;
        if (!before(heap, entry, heap->entries[parent]))
            break;
        place(heap, position, heap->entries[parent]);
        position = parent;
    }
    place(heap, position, entry);
}

static uint32_t least_child(const struct heap *heap, uint32_t position)
{
    uint32_t least = CHILDREN * position + 1;
    uint32_t end = heap->count - least < CHILDREN ? heap->count : least + CHILDREN;
    for (uint32_t child = least + 1; child < end; child++)
        if (before(heap, heap->entries[child], heap->entries[least]))
            least = child;
    return least;
}

/* Moves the hole at position down to where entry belongs, and fills it. */
static void sift_down(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    while (position < (heap->count + CHILDREN - 2) / CHILDREN) {
        uint32_t child = least_child(heap, position);
        if (!before(heap, heap->entries[child], entry))
            break;
        place(heap, position, heap->entries[child]);
        position = child;
    }
    place(heap, position, entry);
}

OUT_OF_LINE static int grow(struct heap *heap)
{
    uint32_t old = heap->capacity;
    uint32_t capacity = old != 0 ? old * 2 : FIRST_CAPACITY;
    void *block = capacity > old ? memory_resize(&heap->memory, NULL, 0, block_size(capacity))
                                 : NULL;
    if (block == NULL)
        return -ENOMEM;
    struct heap_slot *slots = memory_resize(&heap->memory, heap->slots, old * sizeof *slots,
                                            capacity * sizeof *slots);
    if (slots == NULL) {
        memory_free(&heap->memory, block, block_size(capacity));
        return -ENOMEM;
    }
    if (old != 0)
        memcpy(entries_in(block), heap->entries, heap->count * sizeof *heap->entries);
    memory_free(&heap->memory, heap->block, block_size(old));
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
    return grow(heap) < 0 ? -ENOMEM : asyncp_heap_add(heap, key, node, slot);
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

/* Puts an entry that was at the end into the hole at position. */
OUT_OF_LINE static void refill(struct heap *heap, uint32_t position, struct heap_entry entry)
{
    bool up = position > 0 && before(heap, entry, heap->entries[(position - 1) / CHILDREN]);
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
    if (position != heap->count) /* else it was the last: what is set last is often cleared first */
        refill(heap, position, heap->entries[heap->count]);
}

/* In the subtree below that position; a family that is above the key has none below it. */
static uint32_t count_from(const struct heap *heap, uint64_t position, int64_t key, uint32_t most)
{
    if (most == 0 || position >= heap->count || heap->entries[position].key > key)
        return 0;
    uint32_t count = 1;
    for (uint64_t child = 1; child <= CHILDREN; child++)
        count += count_from(heap, CHILDREN * position + child, key, most - count);
    return count;
}

uint32_t asyncp_heap_count(const struct heap *heap, int64_t key, uint32_t most)
{
    return count_from(heap, 0, key, most);
}

void asyncp_heap_check(const struct heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++) {
        const struct heap_slot *slot = &heap->slots[heap->entries[i].slot];
        ASSERT(slot->position == i && slot->node != NULL);
        ASSERT(i == 0 || before(heap, heap->entries[(i - 1) / CHILDREN], heap->entries[i]));
        (void)slot;
    }
}
