/*
 * poll/watched.h: what a backend knows of each descriptor, found by its number: who waits on it,
 * and whether it is a source. An entry stays where it is until the poller closes; the number may
 * meanwhile be another descriptor's.
 */
#ifndef POLL_WATCHED_H
#define POLL_WATCHED_H

#include "poll/poll.h"

struct watched {
    struct list readers;   /* operations that wait for something to read */
    struct list writers;   /* operations that wait for room to write */
    struct source *source; /* what the descriptor belongs to; NULL: it is the user's */
    int fd;                /* for io_uring: the number under which the entry is found */
    struct link link;      /* for io_uring: among those whose next request found no room */
    uint32_t armed;        /* for epoll: events the kernel will tell us of; 0: none */
    uint32_t generation;   /* of the arming, so that a late event of an earlier one is known */
    uint32_t closings;     /* how often a descriptor of that number was closed by us */
    bool known;            /* the kernel watches it, as far as we know */
    bool held;             /* for io_uring: it is among those */
    bool closing;          /* for io_uring: to be closed when the kernel has let go of it */
    uint8_t useless; /* for epoll: events in a row that completed nothing; see handle_operations */
};

enum { WATCHED_IN_CHUNK = 64 };

/* What is known of a descriptor; NULL: nothing. */
static inline struct watched *watched_find(const struct poller *poller, int fd)
{
    size_t number = (size_t)fd / WATCHED_IN_CHUNK;
    if (fd < 0 || number >= poller->chunk_count || poller->chunks[number] == NULL)
        return NULL;
    return &poller->chunks[number][fd % WATCHED_IN_CHUNK];
}

/*
 * Who waited for a descriptor and finds this changed must not touch the number again: another may
 * have it.
 */
static inline uint32_t watched_closings(const struct poller *poller, int fd)
{
    const struct watched *watched = watched_find(poller, fd);
    return watched != NULL ? watched->closings : 0;
}

/* The same, and a new entry if there is none; NULL when memory is out, or it is not open. */
struct watched *asyncp_watched_of(struct poller *poller, int fd);

/* Frees all entries. */
void asyncp_watched_close(struct poller *poller);

/* Names the entry's generation in an event: late events of earlier ones have other keys. */
static inline uint64_t watched_key(uint32_t generation, int fd)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* Its list for an operation of that kind. */
static inline struct list *watched_line(struct watched *watched, const struct operation *operation)
{
    return poll_writes(operation) ? &watched->writers : &watched->readers;
}

/* Tells whoever owns the source of what it has become. */
static inline void source_change(struct source *source, uint8_t state)
{
    source->state |= state;
    source->changed(source);
}

/*
 * Asks the cache for what some event will touch, the nearer it is the more: its entry, then its
 * source, then what lies behind that. With a thousand connections a server waits for nothing else
 * as much.
 */
enum { EXPECT_ENTRY = 8, EXPECT_SOURCE = 6, EXPECT_TOUCHED = 3 }; /* so many events ahead */

static inline void watched_expect(const struct poller *poller, int fd, int ahead)
{
    const struct watched *watched = watched_find(poller, fd);
    if (watched == NULL)
        return;
    const struct source *source = watched->source;
    if (ahead == EXPECT_ENTRY)
        __builtin_prefetch(&watched->source);
    else if (source != NULL && ahead == EXPECT_SOURCE)
        __builtin_prefetch(source);
    else if (source != NULL)
        for (int i = 0; i < 2; i++)
            __builtin_prefetch(source->touched[i]);
}

/* All that wait in the line have failed; they go to done. */
void asyncp_watched_fail(struct list *line, int result, struct list *done);

#endif
