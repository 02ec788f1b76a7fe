/*
 * base/block.h: blocks of bytes on their way between a program and a socket. The usual block is
 * hot: it was given back a moment ago, by somebody else, and is still in the caches; so whoever
 * holds one for longer, with little in it, moves that to a block that fits. Knows nothing of
 * sockets.
 *
 *      bytes   ├── used ──┼── unread ──┼── room ──┤
 *              0        start         end      capacity
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include "sys/assert.h"
#include "base/memory.h"

struct block {
    struct block *next; /* of several in a row: the next one; of a free one: the next free one */
    uint32_t capacity;  /* bytes that it can hold */
    uint32_t start;     /* the first that is unread */
    uint32_t end;       /* the first that is room */
    char bytes[];       /* they */
};

enum { BLOCK_BYTES = 64 * 1024 - sizeof(struct block) };

struct block_pool {
    struct block *first;    /* the hottest free block */
    uint32_t idle;          /* free blocks */
    async_allocator memory; /* where they come from */
};

void asyncp_blocks_open(struct block_pool *pool, async_allocator memory);
void asyncp_blocks_close(struct block_pool *pool);

/* An empty hot block, or NULL. */
struct block *asyncp_block_take(struct block_pool *pool);
void asyncp_block_give(struct block_pool *pool, struct block *block);

/*
 * A block with that capacity, which holds what this one does, in its place; NULL: no memory, and
 * nothing happened.
 */
struct block *asyncp_block_resize(struct block_pool *pool, struct block *block, size_t capacity);

/* For a block that is to wait: one that fits what it holds, if that is little; or the same. */
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
