/*
 * poll/fd_table.h: for backends: the table of descriptors, indexed by number, and the code shared
 * by backends. An entry keeps its address until the poller closes; the number may belong to another
 * descriptor by then. A backend's entry is a struct that begins with struct fd_entry.
 */
#ifndef POLL_FD_TABLE_H
#define POLL_FD_TABLE_H

#include "poll/poll.h"
#include <poll.h>

struct fd_entry {
    struct list readers;   /* operations waiting for data */
    struct list writers;   /* operations waiting for room */
    struct source *source; /* NULL: the descriptor belongs to the program */
    uint32_t generation;   /* of the registration; distinguishes late events of earlier ones */
    uint32_t close_count;  /* see asyncp_poller_close_count */
    bool registered;       /* the kernel polls it, as far as is known */
};

enum { FDS_IN_CHUNK = 64 };

/* NULL: there is no entry. */
static inline struct fd_entry *fd_entry_find(const struct poller *poller, int fd)
{
    size_t chunk = (size_t)fd / FDS_IN_CHUNK;
    if (fd < 0 || chunk >= poller->fd_chunk_count || poller->fd_chunks[chunk] == NULL)
        return NULL;
    size_t offset = (size_t)fd % FDS_IN_CHUNK * poller->entry_size;
    return (struct fd_entry *)(void *)(poller->fd_chunks[chunk] + offset);
}

/* Creates the entry if it is missing. NULL: no memory, or the descriptor is not open. */
struct fd_entry *asyncp_fd_entry_get(struct poller *poller, int fd);

void asyncp_fd_table_close(struct poller *poller);

/* Identifies an entry's generation in the kernel's events. */
static inline uint64_t fd_entry_key(uint32_t generation, int fd)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

/*
 * Prefetches the memory needed for an event, more of it the nearer the event is: its entry, its
 * source, and the memory touched by the source's callback. A server with a thousand connections
 * spends most of its time on these cache misses.
 */
enum { PREFETCH_ENTRY = 8, PREFETCH_SOURCE = 6, PREFETCH_TOUCHED = 3 }; /* events ahead */

static inline void fd_entry_prefetch(const struct poller *poller, int fd, int ahead)
{
    const struct fd_entry *entry = fd_entry_find(poller, fd);
    if (entry == NULL)
        return;
    if (ahead == PREFETCH_ENTRY) {
        __builtin_prefetch(&entry->source);
        return;
    }
    const struct source *source = entry->source;
    if (source != NULL && ahead == PREFETCH_SOURCE)
        __builtin_prefetch(source);
    else if (source != NULL)
        for (int i = 0; i < 2; i++)
            __builtin_prefetch(source->touched[i]);
}

/* ---- operations ------------------------------------------------------------------------------ */

/* A bit of operation.state: completed, and in a list of operations to be reported. */
enum { OPERATION_DONE = 1 };

static inline bool operation_is_write(const struct operation *operation)
{
    return operation->kind == OPERATION_WRITABLE;
}

/* The entry's list for such an operation. */
static inline struct list *fd_entry_waiters(struct fd_entry *entry,
                                            const struct operation *operation)
{
    return operation_is_write(operation) ? &entry->writers : &entry->readers;
}

/* Tries the operation without waiting; -EAGAIN if it must wait. */
int asyncp_operation_try(const struct operation *operation);

/* Reports the completion of an operation not in any list. */
static inline void operation_complete(struct poller *poller, struct operation *operation,
                                      int result)
{
    ASSERT(poller->in_flight > 0);
    poller->in_flight--;
    operation->result = result;
    operation->completed(operation);
}

/* Sets the result and puts the operation into the list `done`, to be reported later. */
static inline void operation_set_done(struct operation *operation, int result, struct list *done)
{
    operation->result = result;
    operation->state |= OPERATION_DONE;
    list_append(done, &operation->link);
}

/* Moves all operations of a list to `done`, with the given result. */
void asyncp_operations_fail(struct list *waiters, int result, struct list *done);

/* Reports the operations in `done`. A callback may submit and cancel operations. */
void asyncp_operations_report(struct poller *poller, struct list *done);

/* ---- sources --------------------------------------------------------------------------------- */

/* A source's state by the events of poll(2). */
static inline uint8_t source_state_of(unsigned events)
{
    const unsigned failed = POLLERR | POLLHUP;
    unsigned state = (events & (POLLIN | POLLRDHUP | failed)) != 0 ? SOURCE_READABLE : 0;
    state |= (events & (POLLOUT | failed)) != 0 ? SOURCE_WRITABLE : 0;
    state |= (events & (POLLRDHUP | POLLHUP)) != 0 ? SOURCE_ENDED : 0;
    state |= (events & POLLPRI) != 0 ? SOURCE_URGENT : 0;
    return (uint8_t)state;
}

static inline void source_report(struct source *source, uint8_t state)
{
    source->state |= state;
    source->changed(source);
}

/* Clears the wake after it has ended a wait. */
void asyncp_poller_clear_wake(const struct poller *poller);

#endif
