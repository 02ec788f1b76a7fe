/*
 * poll/poll.h: the interface to the kernel's I/O. It is completion-based: an operation is
 * submitted, and its completion is reported exactly once, by wait() or by cancel(). Until then the
 * operation and its buffer belong to the backend.
 *
 *      submit → 0       the completion will be reported
 *               1       done already: result is set, no completion is reported
 *               < 0     -errno: not started, no completion is reported
 *      cancel           completes the operation soon, with -ECANCELED or its result
 *      wait             reports completions; sleeps until there is one, a wake, or the timeout
 *
 * A source is a descriptor of the library, registered once. wait() reports each change of its
 * state. So its owner tries the system call first, and waits only if the call fails with -EAGAIN:
 *
 *      watch     reports changes until the descriptor is closed, and the state at the first wait
 *      close_fd  closes a descriptor. Its source gets no further reports. Operations on it complete
 *                with -EBADF when the kernel has released their buffers
 *
 * The kernel can run out of memory at any time, also for earlier submissions. Then a backend's wait
 * returns -ENOMEM, -EAGAIN or -EBUSY, has lost nothing, and is called again soon.
 */
#ifndef POLL_POLL_H
#define POLL_POLL_H

#include "base/list.h"
#include "base/memory.h"

enum operation_kind { OPERATION_READABLE, OPERATION_WRITABLE, OPERATION_RECV };

struct operation {
    void (*completed)(struct operation *operation); /* called with result set */
    void *buffer;                                   /* of a recv, as size and flags */
    size_t size;
    enum operation_kind kind;
    int fd;
    int flags;
    int result; /* 0 or more, or -errno */
    /* private to the backend */
    uint8_t state;
    struct link link;       /* in the list of the descriptor, or of completed operations */
    struct link retry_link; /* in a list of operations without room in the kernel */
};

/* Bits of a source's state. The owner clears the first two when a system call returns -EAGAIN. */
enum {
    SOURCE_READABLE = 1, /* a read may succeed */
    SOURCE_WRITABLE = 2, /* a write may succeed */
    SOURCE_ENDED = 4,    /* the peer has closed; stays set */
    SOURCE_URGENT = 8    /* a read may stop before the urgent byte; stays set */
};

struct source {
    void (*changed)(struct source *source); /* may close any descriptor; must not wait */
    const void *touched[2]; /* memory accessed first by `changed`, to be prefetched; or NULL */
    int fd;                 /* stays open while the source is watched */
    uint8_t state;
};

struct poller;

/* A backend. */
struct poller_calls {
    const char *name;      /* as in ASYNCIO_BACKEND */
    const char *wait_call; /* the waiting system call */
    size_t entry_size;     /* of an entry in the table of descriptors, see fd_table.h */
    int (*open)(struct poller *poller);
    void (*close)(struct poller *poller); /* no operation is in flight */
    int (*submit)(struct poller *poller, struct operation *operation);
    void (*cancel)(struct poller *poller, struct operation *operation); /* may be repeated */
    int (*watch)(struct poller *poller, struct source *source);
    void (*close_fd)(struct poller *poller, int fd);
    int (*wait)(struct poller *poller, int64_t timeout_ns); /* negative: no timeout */
    int (*fd)(struct poller *poller); /* readable when wait has something to report; or -errno */
    bool (*has_unsubmitted)(const struct poller *poller); /* NULL: never */
};

struct poller {
    const struct poller_calls *calls;
    const struct poller_calls *inherited_from; /* in a child of fork(): the backend; else NULL */
    void *backend;                             /* private to the backend */
    char **fd_chunks;                          /* the table of descriptors, see fd_table.h */
    size_t fd_chunk_count;
    size_t entry_size;
    size_t in_flight; /* operations in flight, and holds */
    int wake_fd;      /* an eventfd */
    bool hosted;      /* a host loop polls the backend's descriptor */
    bool retry_soon;  /* the kernel was short of memory in the last wait */
    async_allocator memory;
};

/* 0 or -errno. */
int asyncp_poller_open(struct poller *poller, const struct poller_calls *calls, bool hosted,
                       async_allocator memory);
void asyncp_poller_close(struct poller *poller);

/* In a child of fork(): from now on descriptors are closed, and all other calls fail. */
void asyncp_poller_inherit(struct poller *poller);

/*
 * The backend's wait. If the kernel is short of memory it returns within POLLER_PAUSE_NS, neither
 * spinning nor missing a wake. 0, or -errno if the backend's descriptor is no longer usable.
 */
#define POLLER_PAUSE_NS 10000000
int asyncp_poller_wait(struct poller *poller, int64_t timeout_ns);

/* Whether something is queued for the kernel until the next wait submits it. */
bool asyncp_poller_has_unsubmitted(const struct poller *poller);

/* Ends the current wait or the next one. From any thread and from signal handlers. */
void asyncp_poller_wake(const struct poller *poller);

/* Whether the descriptor is a source. */
bool asyncp_poller_has_source(const struct poller *poller, int fd);

/*
 * How often a descriptor with the number was closed by close_fd. If it changes while a task waits,
 * the number may belong to another descriptor.
 */
uint32_t asyncp_poller_close_count(const struct poller *poller, int fd);

/* Counts waits other than operations, such as for changes of a source, among those in flight. */
static inline void poller_hold(struct poller *poller, size_t count)
{
    poller->in_flight += count;
}

static inline void poller_release(struct poller *poller, size_t count)
{
    poller->in_flight -= count;
}

static inline int poller_submit(struct poller *poller, struct operation *operation)
{
    return poller->calls->submit(poller, operation);
}

static inline void poller_cancel(struct poller *poller, struct operation *operation)
{
    poller->calls->cancel(poller, operation);
}

static inline int poller_watch(struct poller *poller, struct source *source)
{
    return poller->calls->watch(poller, source);
}

static inline void poller_close_fd(struct poller *poller, int fd)
{
    poller->calls->close_fd(poller, fd);
}

#endif
