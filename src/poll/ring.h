/*
 * poll/ring.h: io_uring's submission and completion queue, in memory shared with the kernel. The
 * kernel's layouts are declared here, because Debian 12's headers lack fields of newer kernels.
 */
#ifndef POLL_RING_H
#define POLL_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct io_uring_sqe: a submission queue entry. */
struct sqe {
    uint8_t opcode;
    uint8_t flags;
    uint16_t ioprio;
    int32_t fd;
    uint64_t off;
    uint64_t addr; /* a buffer, or the user_data to cancel */
    uint32_t len;
    uint32_t op_flags; /* of a poll: ring_poll_events(); of a recv: MSG_… */
    uint64_t user_data;
    uint64_t unused[3];
};

/* struct io_uring_cqe: a completion queue entry. */
struct cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};

struct ring {
    char *rings; /* the mapping with both queues' indices and the CQEs */
    size_t rings_size;
    struct sqe *sqes; /* the mapping with the SQEs */
    size_t sqes_size;
    _Atomic uint32_t *sq_head; /* written by the kernel */
    _Atomic uint32_t *sq_tail;
    _Atomic uint32_t *cq_head;
    _Atomic uint32_t *cq_tail; /* written by the kernel */
    uint32_t sq_mask;
    uint32_t cq_mask;
    const struct cqe *cqes;
    uint32_t to_submit; /* queued and not yet submitted */
    int fd;             /* negative: not open */
};

/*
 * Opens a ring with the features needed by the library. `hosted`: another loop polls its
 * descriptor. 0 or -errno; call asyncp_ring_close also after an error.
 */
int asyncp_ring_open(struct ring *ring, bool hosted);
void asyncp_ring_close(struct ring *ring);

/* Submits the queue, and waits if asked to. 0, also if interrupted or timed out; or -errno. */
int asyncp_ring_enter(struct ring *ring, bool wait, int64_t timeout_ns);

/* The next SQE, zeroed, to be filled. Submits if the queue is full. NULL: there is no room. */
struct sqe *asyncp_ring_next_sqe(struct ring *ring);

/* Whether an SQE can be queued without submitting. */
static inline bool ring_has_room(const struct ring *ring)
{
    return ring->to_submit <= ring->sq_mask;
}

/* Queues the SQE returned by asyncp_ring_next_sqe. */
static inline void ring_queue_sqe(struct ring *ring)
{
    uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
    atomic_store_explicit(ring->sq_tail, tail + 1, memory_order_release);
    ring->to_submit++;
}

/* Poll events for an SQE. On big-endian machines the kernel swaps the 16-bit halves. */
static inline uint32_t ring_poll_events(uint32_t events)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return events << 16 | events >> 16;
#else
    return events;
#endif
}

/* The CQE `ahead` of the next one. NULL: there are not so many. */
static inline const struct cqe *ring_peek_cqe(const struct ring *ring, uint32_t ahead)
{
    uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(ring->cq_tail, memory_order_acquire);
    return tail - head > ahead ? &ring->cqes[(head + ahead) & ring->cq_mask] : NULL;
}

/* Returns the next CQE to the kernel. */
static inline void ring_cqe_seen(struct ring *ring)
{
    uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
    atomic_store_explicit(ring->cq_head, head + 1, memory_order_release);
}

#endif
