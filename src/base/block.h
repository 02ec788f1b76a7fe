/*
 * base/block.h: buffers for data between a program and a socket. Free blocks are reused LIFO, so a
 * block is usually still in the cache. A stream keeping a block with few bytes for longer copies
 * them to a smaller block.
 *
 *      bytes   ├── used ──┼── unread ──┼── room ──┤
 *              0        start         end      capacity
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include "sys/assert.h"
#include "base/memory.h"

struct block {
    struct block *next; /* in a queue of blocks, or in the pool */
    uint32_t capacity;
    uint32_t start; /* index of the first unread byte */
    uint32_t end;   /* index behind the last unread byte */
    char bytes[];
};

enum { BLOCK_BYTES = 64 * 1024 - sizeof(struct block) };

struct block_pool {
    struct block *first; /* the free block used last */
    uint32_t idle_count;
    async_allocator memory;
};

void asyncp_blocks_open(struct block_pool *pool, async_allocator memory);
void asyncp_blocks_close(struct block_pool *pool);

/* An empty block of BLOCK_BYTES. NULL: no memory. */
struct block *asyncp_block_take(struct block_pool *pool);
void asyncp_block_give(struct block_pool *pool, struct block *block);

/*
 * Moves the unread bytes to a new block with the capacity. Takes the old block. NULL: no memory;
 * the old block is unchanged.
 */
struct block *asyncp_block_resize(struct block_pool *pool, struct block *block, size_t capacity);

/* Moves few unread bytes to a smaller block; returns the new block or the same one. */
struct block *asyncp_block_fit(struct block_pool *pool, struct block *block);

static inline size_t block_unread(const struct block *block)
{
    return block->end - block->start;
}

static inline size_t block_room(const struct block *block)
{
    return block->capacity - block->end;
}

static inline void block_append(struct block *block, const void *data, size_t size)
{
    ASSERT(size <= block_room(block));
    memcpy(block->bytes + block->end, data, size);
    block->end += (uint32_t)size;
}

#endif
