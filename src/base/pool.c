/*
 * base/pool.c: chunks of records, the reuse of free records, and the iteration over all records.
 */
#include "base/pool.h"

void asyncp_pool_open(struct pool *pool, size_t size, size_t offset, size_t quarantine,
                      async_allocator memory)
{
    *pool = (struct pool){
        .size = size, .offset = offset, .quarantine = quarantine, .memory = memory};
}

static size_t chunk_bytes(const struct pool *pool)
{
    return sizeof(struct pool_chunk) + POOL_CHUNK_RECORDS * pool->size;
}

void asyncp_pool_close(struct pool *pool)
{
    for (struct pool_chunk *chunk = pool->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        memory_free(&pool->memory, chunk, chunk_bytes(pool));
    }
    pool->chunks = pool->walked = NULL;
}

static int add_chunk(struct pool *pool)
{
    struct pool_chunk *chunk = memory_new(&pool->memory, chunk_bytes(pool));
    if (chunk == NULL)
        return -ENOMEM;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    for (size_t i = POOL_CHUNK_RECORDS; i-- > 0;) { /* backwards: the first record is taken first */
        char *record = chunk->records + i * pool->size;
        struct pool_link *link = (struct pool_link *)(void *)(record + pool->offset);
        link->next = pool->first;
        pool->first = link;
    }
    return 0;
}

/* Makes the records of a batch available. */
static void release_batch(struct pool *pool, struct pool_batch *batch)
{
    if (batch->first == NULL)
        return;
    batch->last->next = pool->first;
    pool->first = batch->first;
    batch->first = NULL;
}

void asyncp_pool_give_rarely(struct pool *pool, struct pool_link *link)
{
    link->next = NULL;
    if (pool->quarantine != 0) {
        pool->recent_left = 0;
        *(pool->oldest != NULL ? pool->end : &pool->oldest) = link;
        pool->end = &link->next;
        pool->quarantined++;
        return;
    }
    release_batch(pool, &pool->previous);
    pool->previous = pool->recent;
    pool->recent = (struct pool_batch){.first = link, .last = link};
    pool->recent_left = POOL_BATCH - 1;
}

/* A new chunk is preferred to records in the quarantine or in a batch. */
int asyncp_pool_refill(struct pool *pool)
{
    ASSERT(pool->first == NULL);
    if (pool->quarantined <= pool->quarantine && add_chunk(pool) == 0)
        return 0;
    release_batch(pool, &pool->recent);
    release_batch(pool, &pool->previous);
    if (pool->quarantine == 0) {
        pool->recent_left = 0;
        return pool->first != NULL ? 0 : -ENOMEM;
    }
    struct pool_link *link = pool->oldest;
    if (link == NULL)
        return -ENOMEM;
    pool->oldest = link->next;
    pool->quarantined--;
    link->next = NULL;
    pool->first = link;
    return 0;
}

static bool chunk_contains(const struct pool *pool, const struct pool_chunk *chunk,
                           const char *record)
{
    return record >= chunk->records && record < chunk->records + POOL_CHUNK_RECORDS * pool->size;
}

void *asyncp_pool_next(struct pool *pool, const void *record)
{
    if (record == NULL)
        return pool->chunks != NULL ? pool->chunks->records : NULL;
    struct pool_chunk *chunk = pool->walked; /* an iteration finds its chunk at once */
    while (chunk == NULL || !chunk_contains(pool, chunk, record))
        chunk = chunk != NULL && chunk->next != NULL ? chunk->next : pool->chunks;
    pool->walked = chunk;
    const char *next = (const char *)record + pool->size;
    if (chunk_contains(pool, chunk, next))
        return (char *)(uintptr_t)next;
    return chunk->next != NULL ? chunk->next->records : NULL;
}
