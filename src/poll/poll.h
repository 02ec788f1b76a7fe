/*
 * poll/poll.h: the contract with the kernel, and what every backend keeps. It is completion-shaped:
 * an operation is submitted, and its completion comes exactly once, from wait() or from cancel().
 * Until then the operation and its buffer belong to the backend. Knows nothing of tasks: whoever
 * submits says what a completion calls.
 *
 *      submit → 0       the completion will come
 *               1       it is done already, result is set, no completion comes
 *               < 0     it could not be begun, no completion comes
 *      cancel           makes the completion come soon: -ECANCELED, or what happened first
 *      wait             delivers completions; sleeps until there is one, a wake, or the time is up
 *
 * A source is a descriptor that the library owns. It is registered once, and wait tells of each
 * change of its state, so that whoever owns it tries the plain call first and asks the kernel for
 * nothing when that would not do:
 *
 *      watch    reports each change of the descriptor, until it is closed; the first at once
 *      close    closes a descriptor: its source is told nothing more and is its owner's again;
 *               operations on it complete with -EBADF when the kernel has released their buffers
 *
 * The kernel can be short of memory at any time, for what was submitted long ago too. A backend's
 * wait says so with -ENOMEM, -EAGAIN or -EBUSY, has lost nothing, and is called again soon.
 */
#ifndef POLL_POLL_H
#define POLL_POLL_H

#include "base/list.h"
#include "base/memory.h"

enum operation_kind { OPERATION_READABLE, OPERATION_WRITABLE, OPERATION_RECV };

struct operation {
    struct link link;      /* in a list of the backend's: among those of its descriptor */
    struct link held_link; /* for io_uring: among those held */
    void (*completed)(struct operation *completed); /* is told of the completion; result is set */
    void *buffer;                                   /* of a recv */
    size_t size;                                    /* of the buffer */
    enum operation_kind kind;                       /* what is to be done */
    int fd;                                         /* to what */
    int flags;                                      /* of a recv */
    int result;    /* 0 or more, or -errno; set before the completion */
    bool done;     /* it has happened; its completion is on its way */
    bool held;     /* for io_uring: its next request is not queued yet */
    bool unwanted; /* for io_uring: it is to be cancelled */
    bool lasting;  /* for io_uring: its poll goes on after an event that it does not wait for */
    /* for io_uring: it has happened, result is set, and the lasting poll is being cancelled */
    bool settled;
};

/*
 * What a source is, as far as the kernel has told: then the plain call is worth a try. Its owner
 * takes bits away.
 */
enum {
    SOURCE_READABLE = 1, /* there may be something to read */
    SOURCE_WRITABLE = 2, /* there may be room to write */
    SOURCE_ENDED = 4,    /* no more changes are to come for reading; never taken away */
    SOURCE_URGENT = 8    /* a read may stop before all is read; never taken away */
};

struct source {
    void (*changed)(
        struct source *source); /* is told of a change; may close any descriptor, but not wait */
    struct link link;           /* for the simulated backend: among its sources */
    const void *touched[2];     /* what changed will touch first, for the cache; NULL: nothing */
    int fd;                     /* non-blocking; open for as long as the source is watched */
    uint8_t state;              /* SOURCE_… bits */
};

struct poller;

struct poller_calls {
    const char *name;                     /* as in ASYNCIO_BACKEND */
    const char *wait_call;                /* the system call that waits */
    int (*open)(struct poller *poller);   /* 0 or -errno */
    void (*close)(struct poller *poller); /* nothing is in flight */
    int (*submit)(struct poller *poller, struct operation *operation); /* see above */
    void (*cancel)(struct poller *poller,
                   struct operation *operation); /* of one in flight; again does no harm */
    int (*watch)(struct poller *poller, struct source *source); /* 0 or -errno */
    void (*close_descriptor)(struct poller *poller, int fd);    /* never fails */
    int (*wait)(struct poller *poller,
                int64_t timeout_ns);           /* negative: as long as it takes; 0 or -errno */
    int (*fd)(struct poller *poller);          /* readable when wait has something, or -errno */
    bool (*owes)(const struct poller *poller); /* see asyncp_poller_owes; NULL: never */
};

struct poller {
    const struct poller_calls *calls; /* the backend */
    /* in a child of fork(): the backend it was; else NULL */
    const struct poller_calls *inherited_from;
    void *backend;           /* its own state */
    struct watched **chunks; /* what is known of descriptors, by number: see watched.h */
    size_t chunk_count;      /* entries in chunks; NULL where nothing is known */
    size_t in_flight; /* operations whose completion is to come, and waits for a source's change */
    int wake_descriptor; /* an eventfd: readable ends a wait */
    /* a foreign loop polls the descriptor and calls wait only when there is something */
    bool foreign;
    /* the kernel was short of something: wait is to be called again soon, whatever happens */
    bool hurried;
    async_allocator memory; /* for the backend's state */
};

extern const struct poller_calls asyncp_poll_epoll;
extern const struct poller_calls asyncp_poll_uring;
extern const struct poller_calls asyncp_poll_sim;

/* Opens that backend; foreign: somebody will poll its descriptor. 0 or -errno. */
int asyncp_poller_open(struct poller *poller, const struct poller_calls *calls, bool foreign,
                       async_allocator memory);
void asyncp_poller_close(struct poller *poller);

/*
 * In a child of fork(): from now on descriptors are only closed, and nothing else is told to the
 * kernel.
 */
void asyncp_poller_inherit(struct poller *poller);

/*
 * The backend's wait. If the kernel is short of something it ends within POLLER_PAUSE_NS, so that
 * no processor is burnt and nothing that is to happen is missed. 0, or an -errno that says the
 * descriptor is not ours any more.
 */
#define POLLER_PAUSE_NS 10000000
int asyncp_poller_wait(struct poller *poller, int64_t timeout_ns);

/* Whether something lies here that only a wait hands over to the kernel. */
bool asyncp_poller_owes(const struct poller *poller);

/* Ends a wait that is going on or the next one. From any thread and from signal handlers. */
void asyncp_poller_wake(const struct poller *poller);

/* For backends: the wake was seen. */
void asyncp_poller_woken(const struct poller *poller);

/*
 * For backends that emulate completions: tries the operation; -EAGAIN if it must wait for
 * readiness.
 */
int asyncp_poll_attempt(const struct operation *operation);

/* For backends: delivers the completion of an operation that is in no list any more. */
static inline void poll_complete(struct poller *poller, struct operation *operation, int result)
{
    ASSERT(poller->in_flight > 0);
    poller->in_flight--;
    operation->result = result;
    operation->completed(operation);
}

/*
 * For backends: the operation is in no list and has happened; it waits in `done` until all can be
 * delivered.
 */
static inline void poll_mark_done(struct operation *operation, int result, struct list *done)
{
    operation->result = result;
    operation->done = true;
    list_append(done, &operation->link);
}

/*
 * For backends: delivers what waits there. A completion may submit, and cancel others, which then
 * changes nothing.
 */
void asyncp_poll_deliver(struct poller *poller, struct list *done);

/* For backends: whether the operation waits for room to write rather than for something to read. */
static inline bool poll_writes(const struct operation *operation)
{
    return operation->kind == OPERATION_WRITABLE;
}

#endif
