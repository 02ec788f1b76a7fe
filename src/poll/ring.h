/*
 * poll/ring.h: io_uring's two rings as memory that is shared with the kernel: requests are put into
 * one, completions are taken out of the other. The kernel's layouts are written here, because
 * Debian 12's headers lack what newer kernels have. Knows nothing of what is asked for, nor of who
 * waits.
 */
#ifndef POLL_RING_H
#define POLL_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
    uint8_t opcode;      /* what to do */
    uint8_t flags;       /* of the request */
    uint16_t priority;   /* unused here */
    int32_t fd;          /* to what */
    uint64_t offset;     /* unused here */
    uint64_t address;    /* buffer, or the tag of the request to cancel */
    uint32_t length;     /* of the buffer */
    uint32_t call_flags; /* ring_poll_events, or recv's flags */
    uint64_t tag;        /* comes back with the completion */
    uint64_t unused[3];  /* fields of other requests */
};

struct completion {
    uint64_t tag;   /* the request's */
    int32_t result; /* as a system call's */
    uint32_t flags; /* whether more are to come */
};

struct ring {
    char *rings;                          /* both, mapped */
    size_t rings_size;                    /* of that mapping */
    struct request *requests;             /* the requests, mapped */
    size_t requests_size;                 /* of that mapping */
    _Atomic uint32_t *taken;              /* submission head: what the kernel has taken */
    _Atomic uint32_t *queued;             /* submission tail: what we have queued */
    uint32_t request_mask;                /* position to index */
    _Atomic uint32_t *seen;               /* completion head: what we have seen */
    _Atomic uint32_t *posted;             /* completion tail: what the kernel has posted */
    uint32_t completion_mask;             /* position to index */
    const struct completion *completions; /* the completions */
    uint32_t unsubmitted;                 /* queued and not handed over */
    int fd;                               /* of the ring; negative: there is none */
};

/*
 * A ring with what the library needs; foreign: whoever polls its descriptor must be told of
 * completions. 0 or -errno, and then it is still to be closed.
 */
int asyncp_ring_open(struct ring *ring, bool foreign);
void asyncp_ring_close(struct ring *ring);

/*
 * Hands over what is queued, and waits if asked to. 0 or -errno; interrupted or out of time is 0.
 */
int asyncp_ring_enter(struct ring *ring, bool wait, int64_t timeout_ns);

/* The next request to fill, zeroed; NULL if the kernel takes none. */
struct request *asyncp_ring_next(struct ring *ring);

/* Whether a request can be queued without handing over those before it. */
static inline bool ring_has_room(const struct ring *ring)
{
    return ring->unsubmitted <= ring->request_mask;
}

/* The request that was filled is in the queue. */
static inline void ring_queue(struct ring *ring)
{
    uint32_t tail = atomic_load_explicit(ring->queued, memory_order_relaxed);
    atomic_store_explicit(ring->queued, tail + 1, memory_order_release);
    ring->unsubmitted++;
}

/*
 * Poll events as a request has them. The kernel takes their halves the other way round on a
 * big-endian machine.
 */
static inline uint32_t ring_poll_events(uint32_t events)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return events << 16 | events >> 16;
#else
    return events;
#endif
}

/* The completion `ahead` of the next one; NULL: so many were not posted. */
static inline const struct completion *ring_posted(const struct ring *ring, uint32_t ahead)
{
    uint32_t seen = atomic_load_explicit(ring->seen, memory_order_relaxed);
    uint32_t posted = atomic_load_explicit(ring->posted, memory_order_acquire);
    return posted - seen > ahead ? &ring->completions[(seen + ahead) & ring->completion_mask]
                                 : NULL;
}

/* The next one was seen: its place is the kernel's again. */
static inline void ring_advance(struct ring *ring)
{
    uint32_t seen = atomic_load_explicit(ring->seen, memory_order_relaxed);
    atomic_store_explicit(ring->seen, seen + 1, memory_order_release);
}

#endif
