/*
 * base/pool.h: records of one size that stay where they are until the pool closes, so that a
 * pointer kept too long still points to a record, be it a free one. They lie in chunks. A record
 * that was given back rests until some dozens of others were, so that a pointer used a little too
 * late finds it free, and is then the next to be taken, because it is warm; or, if the pool is to
 * keep some, it waits behind those. A link in each strings the free ones together. Knows nothing of
 * what they are.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "sys/assert.h"
#include "base/memory.h"
#include <stdint.h>

struct pool_link {
    struct pool_link *next; /* of a free record: the next free one */
};

struct pool_chunk;

enum {
    POOL_BATCH = 24
}; /* less than half a chunk, so that a pool of few records needs one chunk */

/* Free records in a row. */
struct pool_batch {
    struct pool_link *first; /* the one given back last; NULL: there is none */
    struct pool_link *last;  /* the one given back first; meaningless when there is none */
};

struct pool {
    /* the free record to be taken next; NULL: none but those kept or resting */
    struct pool_link *first;
    struct pool_batch given;   /* those given back last */
    struct pool_batch resting; /* the batch before that one */
    int32_t given_left; /* how many more records belong to `given`; 0 where records are kept */
    size_t kept;        /* how many free records to keep back; 0: they rest in batches */
    size_t waiting;     /* how many are kept back now */
    struct pool_link *oldest;  /* of those; NULL: none */
    struct pool_link **end;    /* where the successor of the youngest is written */
    struct pool_chunk *chunks; /* all records */
    /* where the last step of a walk found its record; NULL: nowhere yet */
    struct pool_chunk *walked;
    size_t size;            /* of a record */
    size_t offset;          /* of the link in it */
    async_allocator memory; /* where the chunks come from */
};

void asyncp_pool_open(struct pool *pool, size_t size, size_t offset, size_t kept,
                      async_allocator memory);
void asyncp_pool_close(struct pool *pool);

/* Sees to it that there is a free record to be taken. 0 or -ENOMEM. */
int asyncp_pool_refill(struct pool *pool);

/*
 * Gives a record back that is to be kept, or begins a new batch: the full one rests, the rested one
 * can be taken.
 */
OUT_OF_LINE void asyncp_pool_give_rarely(struct pool *pool, struct pool_link *link);

/*
 * The record after this one, taken or free, in no particular order; NULL: the first, and at the
 * end.
 */
void *asyncp_pool_next(struct pool *pool, const void *record);

/* A free record as it was given back, at first all zeros; NULL: out of memory. */
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
    if (unlikely(--pool->given_left < 0)) {
        asyncp_pool_give_rarely(pool, link);
        return;
    }
    link->next = pool->given.first;
    pool->given.first = link;
}

#endif
