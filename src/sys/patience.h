/*
 * sys/patience.h: to look for a moment before one sleeps. To sleep and be woken takes longer than
 * many a function on another thread, above all where a processor goes idle meanwhile. So who waits
 * for another thread looks for up to PATIENCE_NS first, if that thread was last seen on another
 * processor; on the same one it would only be kept from running. Each time that was in vain, twice
 * as many waits do without, up to MOST_SKIPPED: so where it does not pay it costs next to nothing.
 * It is only ever an attempt: whoever looked in vain waits as if nobody had looked.
 */
#ifndef SYS_PATIENCE_H
#define SYS_PATIENCE_H

#include "sys/sys.h"
#include <stdatomic.h>

enum { PATIENCE_NS = 30000, MOST_SKIPPED = 63 };

/* One thread's, for one kind of wait. All zeros: it will try. */
struct patience {
    uint32_t skipped; /* waits that do without after the next one in vain, or after the last one */
    uint32_t to_skip; /* of those, how many are left */
};

/* Where a thread was last seen; 0: nowhere yet. */
typedef _Atomic uint32_t seen_at;

/* The calling thread is seen here. */
static inline void seen_here(seen_at *place)
{
    atomic_store_explicit(place, asyncp_sys_processor() + 1, memory_order_relaxed);
}

/* Whether it is worth to look for what the thread that was seen there will do. */
static inline bool patience_try(struct patience *patience, const seen_at *place)
{
    uint32_t there = atomic_load_explicit(place, memory_order_relaxed);
    if (there == 0 || there == asyncp_sys_processor() + 1)
        return false;
    if (patience->to_skip == 0)
        return true;
    patience->to_skip--;
    return false;
}

/*
 * Looks at the word until one of these bits is set, or for PATIENCE_NS; learns from what came of
 * it.
 */
void asyncp_patience_look(struct patience *patience, const _Atomic uint32_t *word, uint32_t bits);

#endif
