/*
 * base/block.c: the pool of blocks. It keeps some free blocks and frees the others.
 */
#include "base/block.h"

enum { MAX_IDLE_BLOCKS = 16, MIN_BLOCK_BYTES = 256 };

static size_t block_bytes(size_t capacity)
{
    return sizeof(struct block) + capacity;
}

void asyncp_blocks_open(struct block_pool *pool, async_allocator memory)
{
    *pool = (struct block_pool){.memory = memory};
}

void asyncp_blocks_close(struct block_pool *pool)
{
    for (struct block *block; (block = pool->first) != NULL;) {
        pool->first = block->next;
        memory_free(&pool->memory, block, block_bytes(block->capacity));
    }
}

static struct block *make_block(struct block_pool *pool, size_t capacity)
{
    struct block *block = memory_resize(&pool->memory, NULL, 0, block_bytes(capacity));
    if (block != NULL)
        *block = (struct block){.capacity = (uint32_t)capacity};
    return block;
}

struct block *asyncp_block_take(struct block_pool *pool)
{
    struct block *block = pool->first;
    if (block == NULL)
        return make_block(pool, BLOCK_BYTES);
    pool->first = block->next;
    pool->idle_count--;
    block->next = NULL;
    block->start = block->end = 0;
    return block;
}

void asyncp_block_give(struct block_pool *pool, struct block *block)
{
    if (block->capacity != BLOCK_BYTES || pool->idle_count == MAX_IDLE_BLOCKS) {
        memory_free(&pool->memory, block, block_bytes(block->capacity));
        return;
    }
    block->next = pool->first;
    pool->first = block;
    pool->idle_count++;
}

struct block *asyncp_block_resize(struct block_pool *pool, struct block *block, size_t capacity)
{
    ASSERT(block_unread(block) <= capacity && capacity <= UINT32_MAX);
    struct block *resized = capacity == BLOCK_BYTES ? asyncp_block_take(pool)
                                                    : make_block(pool, capacity);
    if (resized == NULL)
        return NULL;
    block_append(resized, block->bytes + block->start, block_unread(block));
    resized->next = block->next;
    asyncp_block_give(pool, block);
    return resized;
}

struct block *asyncp_block_fit(struct block_pool *pool, struct block *block)
{
    size_t wanted = (block_unread(block) + MIN_BLOCK_BYTES - 1) & ~(size_t)(MIN_BLOCK_BYTES - 1);
    if (wanted > block->capacity / 4)
        return block;
    struct block *resized = asyncp_block_resize(pool, block, wanted);
    return resized != NULL ? resized : block;
}
