/*
 * base/pool.h: records of one size in chunks. A record keeps its address until the pool closes, so
 * a stale pointer still points to a record, though perhaps a free one. A free record is not reused
 * at once: a stale pointer used a little late finds it free. With `quarantine` > 0 a record is
 * reused only after so many others were given back. Otherwise free records pass through two
 * batches of POOL_BATCH records and are then reused LIFO, while they are in the cache. Free records
 * are chained through a link in each.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "sys/assert.h"
#include "base/memory.h"
#include <stdint.h>

struct pool_link {
    struct pool_link *next;
};

enum { POOL_CHUNK_RECORDS = 64 };

struct pool_chunk {
    struct pool_chunk *next;
    _Alignas(max_align_t) char records[]; /* POOL_CHUNK_RECORDS of them */
};

/* Less than half a chunk, so a pool with few records needs one chunk. */
enum { POOL_BATCH = 24 };

/* A chain of free records. */
struct pool_batch {
    struct pool_link *first; /* given back last; NULL: the batch is empty */
    struct pool_link *last;
};

struct pool {
    struct pool_link *first;    /* free records to be taken */
    struct pool_batch recent;   /* the current batch */
    struct pool_batch previous; /* the batch before it */
    int32_t recent_left;        /* records until `recent` is full; 0 with a quarantine */
    size_t quarantine;          /* size of the quarantine; 0: batches are used */
    size_t quarantined;         /* records in the quarantine, a FIFO */
    struct pool_link *oldest;
    struct pool_link **end; /* where the next link of the quarantine is stored */
    struct pool_chunk *chunks;
    struct pool_chunk *walked; /* where asyncp_pool_next found its last record, or NULL */
    size_t size;               /* of a record */
    size_t offset;             /* of the link in a record */
    async_allocator memory;
};

void asyncp_pool_open(struct pool *pool, size_t size, size_t offset, size_t quarantine,
                      async_allocator memory);
void asyncp_pool_close(struct pool *pool);

/* Makes pool->first a free record. 0 or -ENOMEM. */
int asyncp_pool_refill(struct pool *pool);

/* Puts a record into the quarantine, or begins a new batch. */
OUT_OF_LINE void asyncp_pool_give_rarely(struct pool *pool, struct pool_link *link);

/*
 * Iterates over all records, used and free, in no particular order. Returns the first for NULL, and
 * NULL after the last.
 */
void *asyncp_pool_next(struct pool *pool, const void *record);

/* A record as it was given back; all zeros if it is new. NULL: no memory. */
static inline void *pool_take(struct pool *pool)
{
    if (unlikely(pool->first == NULL) && asyncp_pool_refill(pool) < 0)
        return NULL;
    struct pool_link *link = pool->first;
    pool->first = link->next;
    return (char *)link - pool->offset;
}

static inline void pool_give(struct pool *pool, void *record)
{
    struct pool_link *link = (struct pool_link *)(void *)((char *)record + pool->offset);
    if (unlikely(--pool->recent_left < 0)) {
        asyncp_pool_give_rarely(pool, link);
        return;
    }
    link->next = pool->recent.first;
    pool->recent.first = link;
}

#endif
