/*
 * base/pool.c: chunks of records, and the walk through all of them.
 */
#include "base/pool.h"

enum { RECORDS_IN_CHUNK = 64 };

struct pool_chunk {
    struct pool_chunk *next;              /* an older one */
    _Alignas(max_align_t) char records[]; /* RECORDS_IN_CHUNK of them */
};

void asyncp_pool_open(struct pool *pool, size_t size, size_t offset, size_t kept,
                      async_allocator memory)
{
    *pool = (struct pool){.size = size, .offset = offset, .kept = kept, .memory = memory};
}

static size_t chunk_size(const struct pool *pool)
{
    return sizeof(struct pool_chunk) + RECORDS_IN_CHUNK * pool->size;
}

void asyncp_pool_close(struct pool *pool)
{
    for (struct pool_chunk *chunk = pool->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        memory_free(&pool->memory, chunk, chunk_size(pool));
    }
    pool->chunks = pool->walked = NULL;
}

static int grow(struct pool *pool)
{
    struct pool_chunk *chunk = memory_new(&pool->memory, chunk_size(pool));
    if (chunk == NULL)
        return -ENOMEM;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    for (size_t i = RECORDS_IN_CHUNK; i-- > 0;) { /* the first one is taken first */
        struct pool_link *link = (struct pool_link *)(void *)(chunk->records + i * pool->size +
                                                              pool->offset);
        link->next = pool->first;
        pool->first = link;
    }
    return 0;
}

static void keep(struct pool *pool, struct pool_link *link)
{
    *(pool->oldest != NULL ? pool->end : &pool->oldest) = link;
    pool->end = &link->next;
    pool->waiting++;
}

/* A batch can be taken from now on. */
static void free_batch(struct pool *pool, struct pool_batch *batch)
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
    if (pool->kept != 0) {
        pool->given_left = 0;
        keep(pool, link);
        return;
    }
    free_batch(pool, &pool->resting);
    pool->resting = pool->given;
    pool->given = (struct pool_batch){.first = link, .last = link};
    pool->given_left = POOL_BATCH - 1;
}

/*
 * One that was kept back long enough, else new ones, else one that was kept back, or rests, all the
 * same.
 */
int asyncp_pool_refill(struct pool *pool)
{
    ASSERT(pool->first == NULL);
    if (pool->waiting <= pool->kept && grow(pool) == 0)
        return 0;
    free_batch(pool, &pool->given);
    free_batch(pool, &pool->resting);
    if (pool->kept == 0) {
        pool->given_left = 0;
        return pool->first != NULL ? 0 : -ENOMEM;
    }
    struct pool_link *link = pool->oldest;
    if (link == NULL)
        return -ENOMEM;
    pool->oldest = link->next;
    pool->waiting--;
    link->next = NULL;
    pool->first = link;
    return 0;
}

static bool lies_in(const struct pool *pool, const struct pool_chunk *chunk, const char *record)
{
    return record >= chunk->records && record < chunk->records + RECORDS_IN_CHUNK * pool->size;
}

/*
 * The chunk that the record lies in. A walk finds it where the step before ended, however many
 * there are.
 */
static struct pool_chunk *chunk_of(const struct pool *pool, const char *record)
{
    struct pool_chunk *chunk = pool->walked;
    while (chunk == NULL || !lies_in(pool, chunk, record))
        chunk = chunk != NULL && chunk->next != NULL ? chunk->next : pool->chunks;
    return chunk;
}

void *asyncp_pool_next(struct pool *pool, const void *record)
{
    if (record == NULL)
        return pool->chunks != NULL ? pool->chunks->records : NULL;
    struct pool_chunk *chunk = pool->walked = chunk_of(pool, record);
    const char *next = (const char *)record + pool->size;
    if (lies_in(pool, chunk, next))
        return (char *)(uintptr_t)next;
    return chunk->next != NULL ? chunk->next->records : NULL;
}
