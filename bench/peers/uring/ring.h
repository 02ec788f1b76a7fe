/*
 * ring.h: the part of io_uring that a server needs, on the raw system calls: submissions,
 * completions, and a ring of receive buffers that the kernel selects from. For one thread: only it
 * submits, and the kernel runs deferred work only when it asks for completions (SINGLE_ISSUER,
 * DEFER_TASKRUN).
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <bench.h>

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RING_REQUESTS = 1024, RING_COMPLETIONS = 8192, RING_BUFFERS = 64, RING_BUFFER_SIZE = 16384 };

static struct {
    int registered;                   /* index of the registered ring */
    struct io_uring_sqe *requests;    /* the submission queue */
    unsigned *request_tail;           /* shared with the kernel */
    unsigned tail, submitted;         /* entries made; entries the kernel knows */
    struct io_uring_cqe *completions; /* the completion queue */
    unsigned *completion_head;        /* shared with the kernel */
    unsigned *completion_tail;        /* written by the kernel */
    unsigned completion_mask;         /* number of entries - 1 */
    struct io_uring_buf_ring *free;   /* buffers that the kernel may use */
    uint16_t free_tail;               /* number of buffers given so far */
    char *buffers;                    /* contiguous */
} ring;

static inline void ring_must(long result, const char *what)
{
    if (result < 0)
        bench_die(what, strerror(errno));
}

static inline void *ring_map(int fd, size_t size, off_t offset)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd, offset);
    if (place == MAP_FAILED)
        bench_die("mmap", strerror(errno));
    return place;
}

/* Submits, and waits for at least that many completions. */
static inline void ring_enter(unsigned wait_for)
{
    unsigned flags = IORING_ENTER_REGISTERED_RING | (wait_for > 0 ? IORING_ENTER_GETEVENTS : 0);
    unsigned count = ring.tail - ring.submitted;
    __atomic_store_n(ring.request_tail, ring.tail, __ATOMIC_RELEASE);
    ring.submitted = ring.tail;
    if (syscall(SYS_io_uring_enter, ring.registered, count, wait_for, flags, NULL, 0) < 0 &&
        errno != EINTR)
        bench_die("io_uring_enter", strerror(errno));
}

/* Returns a new entry, which the caller fills in. */
static inline struct io_uring_sqe *ring_request(int operation, int fd, uint64_t user_data)
{
    if (ring.tail - ring.submitted == RING_REQUESTS)
        ring_enter(0);
    struct io_uring_sqe *request = &ring.requests[ring.tail++ % RING_REQUESTS];
    memset(request, 0, sizeof *request);
    request->opcode = (uint8_t)operation;
    request->fd = fd;
    request->user_data = user_data;
    return request;
}

static inline char *ring_buffer(unsigned number)
{
    return ring.buffers + (size_t)number * RING_BUFFER_SIZE;
}

/* Gives the buffer to the kernel. */
static inline void ring_give(unsigned number)
{
    struct io_uring_buf *entry = &ring.free->bufs[ring.free_tail++ % RING_BUFFERS];
    entry->addr = (uint64_t)(uintptr_t)ring_buffer(number);
    entry->len = RING_BUFFER_SIZE;
    entry->bid = (uint16_t)number;
    __atomic_store_n(&ring.free->tail, ring.free_tail, __ATOMIC_RELEASE);
}

static inline void ring_open_buffers(int fd)
{
    ring.free = ring_map(-1, RING_BUFFERS * sizeof *ring.free->bufs, 0);
    ring.buffers = ring_map(-1, (size_t)RING_BUFFERS * RING_BUFFER_SIZE, 0);
    struct io_uring_buf_reg what = {.ring_addr = (uint64_t)(uintptr_t)ring.free,
                                    .ring_entries = RING_BUFFERS};
    ring_must(syscall(SYS_io_uring_register, fd, IORING_REGISTER_PBUF_RING, &what, 1),
              "buffer ring");
    for (unsigned i = 0; i < RING_BUFFERS; i++)
        ring_give(i);
}

static inline void ring_map_rings(int fd, const struct io_uring_params *parameters)
{
    size_t size = parameters->cq_off.cqes + parameters->cq_entries * sizeof *ring.completions;
    size_t other = parameters->sq_off.array + parameters->sq_entries * sizeof(unsigned);
    char *rings = ring_map(fd, size > other ? size : other, IORING_OFF_SQ_RING);
    unsigned *order = (unsigned *)(rings + parameters->sq_off.array);
    ring.requests = ring_map(fd, RING_REQUESTS * sizeof *ring.requests, IORING_OFF_SQES);
    ring.request_tail = (unsigned *)(rings + parameters->sq_off.tail);
    ring.completions = (struct io_uring_cqe *)(rings + parameters->cq_off.cqes);
    ring.completion_head = (unsigned *)(rings + parameters->cq_off.head);
    ring.completion_tail = (unsigned *)(rings + parameters->cq_off.tail);
    ring.completion_mask = parameters->cq_entries - 1;
    for (unsigned i = 0; i < RING_REQUESTS; i++)
        order[i] = i;
}

static inline void ring_open(void)
{
    struct io_uring_params parameters = {.cq_entries = RING_COMPLETIONS};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                       IORING_SETUP_CQSIZE;
    int fd = (int)syscall(SYS_io_uring_setup, RING_REQUESTS, &parameters);
    ring_must(fd, "io_uring_setup");
    ring_map_rings(fd, &parameters);
    ring_open_buffers(fd);
    struct io_uring_rsrc_update itself = {.offset = UINT32_MAX, .data = (unsigned)fd};
    ring_must(syscall(SYS_io_uring_register, fd, IORING_REGISTER_RING_FDS, &itself, 1), "ring");
    ring.registered = (int)itself.offset;
}

#endif
