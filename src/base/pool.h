/*
 * base/pool.h: records of one size that stay where they are until the pool closes, so that a pointer kept too long
 * still points to a record, be it a free one. They lie in chunks. A record that was given back is the next to be
 * taken, because it is warm; or, if the pool is to keep some, as late as possible. A link in each strings the free ones
 * together. Knows nothing of what they are.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/assert.h"
#include "base/memory.h"

struct pool_link {
    struct pool_link *next; /* of a free record: the next free one */
};

struct pool_chunk;

struct pool {
    struct pool_link *first;   /* the free record to be taken next; NULL: none */
    struct pool_link **end;    /* where the last free record's successor is written */
    size_t free_count;         /* free records */
    size_t kept;               /* free records that are not taken, but wait; 0: the warmest is taken first */
    struct pool_chunk *chunks; /* all records */
    size_t size;               /* of a record */
    size_t offset;             /* of the link in it */
    async_allocator memory;    /* where the chunks come from */
};

void async__pool_open(struct pool *pool, size_t size, size_t offset, size_t kept, async_allocator memory);
void async__pool_close(struct pool *pool);

/* Adds a chunk of free records, all zeros. 0 or -ENOMEM. */
int async__pool_grow(struct pool *pool);

/* The record after this one, taken or free, in no particular order; NULL: the first, and at the end. */
void *async__pool_next(const struct pool *pool, const void *record);

/* A free record as it was given back, at first all zeros; NULL: out of memory. */
static inline void *pool_take(struct pool *pool)
{
    while (unlikely(pool->free_count <= pool->kept) && async__pool_grow(pool) == 0)
        continue;
    if (unlikely(pool->first == NULL))
        return NULL;
    struct pool_link *link = pool->first;
    pool->first = link->next;
    pool->free_count--;
    return (char *)link - pool->offset;
}

static inline void pool_give(struct pool *pool, void *record)
{
    struct pool_link *link = (struct pool_link *)(void *)((char *)record + pool->offset);
    pool->free_count++;
    if (likely(pool->kept == 0)) {
        link->next = pool->first;
        pool->first = link;
        return;
    }
    link->next = NULL;
    *(pool->first != NULL ? pool->end : &pool->first) = link;
    pool->end = &link->next;
}

#endif
