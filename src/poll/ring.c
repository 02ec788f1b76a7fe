/*
 * poll/ring.c: sets up io_uring's queues and submits.
 */
#include "poll/ring.h"
#include "sys/file.h"
#include "sys/map.h"
#include "sys/polling.h"
#include "sys/tools.h"
#include <errno.h>
#include <string.h>

/* Names and values of <linux/io_uring.h>, without the prefix IORING_. */
enum { SQ_ENTRIES = 256 };
enum { FEAT_SINGLE_MMAP = 1, FEAT_NODROP = 2, FEAT_EXT_ARG = 256, FEAT_RSRC_TAGS = 1024 };
enum {
    SETUP_COOP_TASKRUN = 256,
    SETUP_TASKRUN_FLAG = 512,
    SETUP_SINGLE_ISSUER = 4096,
    SETUP_DEFER_TASKRUN = 8192
};
enum { OFF_SQ_RING = 0, OFF_SQES = 0x10000000 };

/* struct io_sqring_offsets and io_cqring_offsets. */
struct ring_offsets {
    uint32_t head, tail, ring_mask, ring_entries;
    uint32_t flags_or_overflow; /* SQ: flags; CQ: overflow */
    uint32_t dropped_or_cqes;   /* SQ: dropped; CQ: cqes */
    uint32_t array_or_flags;    /* SQ: array; CQ: flags */
    uint32_t reserved;
    uint64_t user_addr;
};

/* struct io_uring_params. */
struct ring_params {
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t flags;
    uint32_t sq_thread[2];
    uint32_t features;
    uint32_t wq_fd;
    uint32_t reserved[3];
    struct ring_offsets sq_off;
    struct ring_offsets cq_off;
};

/*
 * Tries the best flags first. With SETUP_DEFER_TASKRUN, completions are posted only when this
 * thread enters the kernel, so the ring's descriptor does not become readable: no such flags for a
 * host loop, and none where a tool wants waits in poll(2).
 */
static int setup_ring(struct ring_params *params, bool hosted)
{
    static const uint32_t flags[] = {
        SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_TASKRUN_FLAG,
        SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG,
        0,
    };
    const size_t count = sizeof flags / sizeof *flags;
    int result = -EINVAL;
    size_t i = hosted || tools_want_known_waits() ? count - 1 : 0;
    for (; i < count && result == -EINVAL; i++) {
        *params = (struct ring_params){.flags = flags[i]};
        result = asyncp_sys_uring_setup(SQ_ENTRIES, params);
    }
    return result;
}

static uint32_t *ring_word(const struct ring *ring, uint32_t offset)
{
    return (uint32_t *)(void *)(ring->rings + offset);
}

static int map_rings(struct ring *ring, const struct ring_params *params)
{
    const struct ring_offsets *sq = &params->sq_off, *cq = &params->cq_off;
    size_t sq_end = sq->array_or_flags + params->sq_entries * sizeof(uint32_t);
    size_t cq_end = cq->dropped_or_cqes + params->cq_entries * sizeof(struct cqe);
    ring->rings_size = sq_end > cq_end ? sq_end : cq_end;
    ring->sqes_size = params->sq_entries * sizeof(struct sqe);
    ring->rings = asyncp_sys_map_shared(ring->rings_size, ring->fd, OFF_SQ_RING);
    ring->sqes = asyncp_sys_map_shared(ring->sqes_size, ring->fd, OFF_SQES);
    if (ring->rings == NULL || ring->sqes == NULL)
        return -ENOMEM;
    ring->sq_head = (_Atomic uint32_t *)ring_word(ring, sq->head);
    ring->sq_tail = (_Atomic uint32_t *)ring_word(ring, sq->tail);
    ring->sq_mask = *ring_word(ring, sq->ring_mask);
    ring->cq_head = (_Atomic uint32_t *)ring_word(ring, cq->head);
    ring->cq_tail = (_Atomic uint32_t *)ring_word(ring, cq->tail);
    ring->cq_mask = *ring_word(ring, cq->ring_mask);
    ring->cqes = (const struct cqe *)(void *)(ring->rings + cq->dropped_or_cqes);
    for (uint32_t i = 0; i < params->sq_entries; i++)
        ring_word(ring,
                  sq->array_or_flags)[i] = i; /* SQEs are submitted in the order of the array */
    return 0;
}

int asyncp_ring_open(struct ring *ring, bool hosted)
{
    /* Linux 5.13, as are multishot polls */
    const uint32_t needed = FEAT_SINGLE_MMAP | FEAT_NODROP | FEAT_EXT_ARG | FEAT_RSRC_TAGS;
    struct ring_params params;
    int result = ring->fd = setup_ring(&params, hosted);
    if (result < 0)
        return result;
    return (params.features & needed) == needed ? map_rings(ring, &params) : -ENOSYS;
}

void asyncp_ring_close(struct ring *ring)
{
    if (ring->rings != NULL)
        asyncp_sys_unmap(ring->rings, ring->rings_size);
    if (ring->sqes != NULL)
        asyncp_sys_unmap(ring->sqes, ring->sqes_size);
    if (ring->fd >= 0)
        asyncp_sys_close(ring->fd);
}

int asyncp_ring_enter(struct ring *ring, bool wait, int64_t timeout_ns)
{
    int result = asyncp_sys_uring_enter(ring->fd, ring->to_submit, wait, timeout_ns);
    uint32_t head = atomic_load_explicit(ring->sq_head, memory_order_acquire);
    ring->to_submit = atomic_load_explicit(ring->sq_tail, memory_order_relaxed) - head;
    return result < 0 && result != -EINTR && result != -ETIME ? result : 0;
}

struct sqe *asyncp_ring_next_sqe(struct ring *ring)
{
    if (!ring_has_room(ring) && (asyncp_ring_enter(ring, false, 0) < 0 || !ring_has_room(ring)))
        return NULL;
    uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
    struct sqe *sqe = &ring->sqes[tail & ring->sq_mask];
    memset(sqe, 0, sizeof *sqe);
    return sqe;
}
