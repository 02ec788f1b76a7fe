/*
 * memory.c: the allocator of a run. It counts blocks and bytes, fills new and freed blocks so that
 * no code relies on their contents, and lets chosen allocations fail.
 */
#include "kit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NEW_BYTE = 0xa5, FREED_BYTE = 0xdf };

/* The header of each block, as wide as malloc's alignment. */
struct block {
    _Alignas(max_align_t) size_t size; /* without this header */
};

/* Threads allocate, too. */
static atomic_long allocated_bytes, allocated_blocks;
static atomic_long allocations, fail_at;
static atomic_bool fails_later, is_armed = true;

static bool must_fail(void)
{
    if (!atomic_load(&is_armed))
        return false;
    long number = atomic_fetch_add(&allocations, 1) + 1, at = atomic_load(&fail_at);
    return at > 0 && (number == at || (number > at && atomic_load(&fails_later)));
}

static void *free_block(struct block *block)
{
    if (block == NULL)
        return NULL;
    atomic_fetch_sub(&allocated_bytes, (long)block->size);
    atomic_fetch_sub(&allocated_blocks, 1);
    memset(block + 1, FREED_BYTE, block->size);
    free(block);
    return NULL;
}

static void *count_reallocate(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    struct block *block = memory == NULL ? NULL : (struct block *)memory - 1;
    size_t size = block == NULL ? 0 : block->size;
    if (new_size == 0)
        return free_block(block);
    if (must_fail())
        return NULL;
    struct block *moved = realloc(block, sizeof *moved + new_size);
    if (moved == NULL)
        return NULL;
    moved->size = new_size;
    atomic_fetch_add(&allocated_bytes, (long)new_size - (long)size);
    atomic_fetch_add(&allocated_blocks, block == NULL ? 1 : 0);
    if (new_size > size)
        memset((char *)(moved + 1) + size, NEW_BYTE, new_size - size);
    return moved + 1;
}

async_allocator memory_allocator(void)
{
    return (async_allocator){.reallocate = count_reallocate};
}

long memory_bytes(void)
{
    return atomic_load(&allocated_bytes);
}

long memory_blocks(void)
{
    return atomic_load(&allocated_blocks);
}

void memory_fail(long at, bool later_ones)
{
    atomic_store(&allocations, 0);
    atomic_store(&fails_later, later_ones);
    atomic_store(&fail_at, at);
}

void memory_arm(bool armed)
{
    atomic_store(&is_armed, armed);
}

long memory_allocations(void)
{
    return atomic_load(&allocations);
}
