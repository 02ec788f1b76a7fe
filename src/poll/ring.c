/*
 * poll/ring.c: making io_uring's rings, and handing over what is in them.
 */
#include "poll/ring.h"
#include "sys/tools.h"
#include "sys/sys.h"
#include <errno.h>
#include <string.h>

enum { ENTRIES = 256 };
enum {
    FEATURE_SINGLE_MMAP = 1,
    FEATURE_NODROP = 2,
    FEATURE_EXT_ARG = 256,
    FEATURE_RSRC_TAGS = 1024
};
enum {
    SETUP_COOP_TASKRUN = 256,
    SETUP_TASKRUN_FLAG = 512,
    SETUP_SINGLE_ISSUER = 4096,
    SETUP_DEFER_TASKRUN = 8192
};
enum { RING_OFFSET = 0, REQUESTS_OFFSET = 0x10000000 };

struct offsets {
    uint32_t head, tail, mask, entries; /* of either ring: positions of these words */
    uint32_t flags_or_overflow;         /* submission: flags; completion: overflow */
    uint32_t dropped_or_array; /* submission: dropped; completion: the completions themselves */
    uint32_t array_or_flags;   /* submission: the index array */
    uint32_t unused;           /* reserved */
    uint64_t user_address;     /* where the ring is when the user provides it */
};

struct parameters {
    uint32_t submission_entries; /* requests that fit */
    uint32_t completion_entries; /* completions that fit */
    uint32_t flags;              /* of the setup */
    uint32_t unused[2];          /* of a kernel thread we do not use */
    uint32_t features;           /* what the kernel can do */
    uint32_t wq_descriptor;      /* shared workers, unused */
    uint32_t reserved[3];        /* zeros */
    struct offsets submission;   /* where the submission ring's words are */
    struct offsets completion;   /* where the completion ring's words are */
};

/*
 * The best that this kernel has. Where completions wait until this thread comes and has them
 * posted, who polls the ring's descriptor is not told: no such bargain for a foreign loop, nor
 * under valgrind.
 */
static int setup(struct parameters *parameters, bool foreign)
{
    static const uint32_t wanted[] = {
        SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_TASKRUN_FLAG,
        SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG,
        0,
    };
    size_t count = sizeof wanted / sizeof wanted[0];
    int result = -EINVAL;
    for (size_t i = foreign || tools_valgrind() ? count - 1 : 0; i < count && result == -EINVAL;
         i++) {
        *parameters = (struct parameters){.flags = wanted[i]};
        result = asyncp_sys_uring_setup(ENTRIES, parameters);
    }
    return result;
}

static void find_rings(struct ring *ring, const struct parameters *parameters)
{
    const struct offsets *submission = &parameters->submission,
                         *completion = &parameters->completion;
    ring->taken = (_Atomic uint32_t *)(void *)(ring->rings + submission->head);
    ring->queued = (_Atomic uint32_t *)(void *)(ring->rings + submission->tail);
    ring->request_mask = *(uint32_t *)(void *)(ring->rings + submission->mask);
    ring->seen = (_Atomic uint32_t *)(void *)(ring->rings + completion->head);
    ring->posted = (_Atomic uint32_t *)(void *)(ring->rings + completion->tail);
    ring->completion_mask = *(uint32_t *)(void *)(ring->rings + completion->mask);
    ring->completions = (const struct completion *)(void *)(ring->rings +
                                                            completion->dropped_or_array);
    uint32_t *array = (uint32_t *)(void *)(ring->rings + submission->array_or_flags);
    for (uint32_t i = 0; i < parameters->submission_entries; i++)
        array[i] = i; /* requests are taken in the order they lie in */
}

static int map_rings(struct ring *ring, const struct parameters *parameters)
{
    size_t submission_end = parameters->submission.array_or_flags +
                            parameters->submission_entries * sizeof(uint32_t);
    size_t completion_end = parameters->completion.dropped_or_array +
                            parameters->completion_entries * sizeof(struct completion);
    ring->rings_size = submission_end > completion_end ? submission_end : completion_end;
    ring->requests_size = parameters->submission_entries * sizeof(struct request);
    ring->rings = asyncp_sys_map_shared(ring->rings_size, ring->fd, RING_OFFSET);
    ring->requests = asyncp_sys_map_shared(ring->requests_size, ring->fd, REQUESTS_OFFSET);
    if (ring->rings == NULL || ring->requests == NULL)
        return -ENOMEM;
    find_rings(ring, parameters);
    return 0;
}

int asyncp_ring_open(struct ring *ring, bool foreign)
{
    struct parameters parameters;
    uint32_t needed = FEATURE_SINGLE_MMAP | FEATURE_NODROP | FEATURE_EXT_ARG |
                      FEATURE_RSRC_TAGS; /* Linux 5.13, as is a poll that goes on */
    int result = ring->fd = setup(&parameters, foreign);
    if (result < 0)
        return result;
    return (parameters.features & needed) == needed ? map_rings(ring, &parameters) : -ENOSYS;
}

void asyncp_ring_close(struct ring *ring)
{
    if (ring->rings != NULL)
        asyncp_sys_unmap(ring->rings, ring->rings_size);
    if (ring->requests != NULL)
        asyncp_sys_unmap(ring->requests, ring->requests_size);
    if (ring->fd >= 0)
        asyncp_sys_close(ring->fd);
}

int asyncp_ring_enter(struct ring *ring, bool wait, int64_t timeout_ns)
{
    int result = asyncp_sys_uring_enter(ring->fd, ring->unsubmitted, wait, timeout_ns);
    uint32_t taken = atomic_load_explicit(ring->taken, memory_order_acquire);
    ring->unsubmitted = atomic_load_explicit(ring->queued, memory_order_relaxed) - taken;
    return result < 0 && result != -EINTR && result != -ETIME ? result : 0;
}

struct request *asyncp_ring_next(struct ring *ring)
{
    if (!ring_has_room(ring) && (asyncp_ring_enter(ring, false, 0) < 0 || !ring_has_room(ring)))
        return NULL;
    uint32_t tail = atomic_load_explicit(ring->queued, memory_order_relaxed);
    struct request *request = &ring->requests[tail & ring->request_mask];
    memset(request, 0, sizeof *request);
    return request;
}
