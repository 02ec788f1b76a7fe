/*
 * poll/watched.h: what a backend knows of each descriptor, found by its number: who waits on it, and whether it is a
 * source. An entry stays where it is until the poller closes; the number may meanwhile be another descriptor's.
 */
#ifndef POLL_WATCHED_H
#define POLL_WATCHED_H

#include "poll/poll.h"

struct watched {
    struct list readers;   /* operations that wait for something to read */
    struct list writers;   /* operations that wait for room to write */
    struct source *source; /* what the descriptor belongs to; NULL: it is the user's */
    int descriptor;        /* for io_uring: the number under which the entry is found */
    struct link link;      /* for io_uring: among those whose next request found no room */
    uint32_t armed;        /* for epoll: events the kernel will tell us of; 0: none */
    uint32_t generation;   /* of the arming, so that a late event of an earlier one is known */
    bool known;            /* the kernel watches it, as far as we know */
    bool held;             /* for io_uring: it is among those */
    bool closing;          /* for io_uring: to be closed when the kernel has let go of it */
};

/* What is known of a descriptor; NULL when memory is out, or it is not open. */
struct watched *async__watched_of(struct poller *poller, int descriptor);

/* The same if something is known of it, else NULL. */
struct watched *async__watched_find(const struct poller *poller, int descriptor);

/* Frees all entries. */
void async__watched_close(struct poller *poller);

/* Names the entry's generation in an event: late events of earlier ones have other keys. */
static inline uint64_t watched_key(uint32_t generation, int descriptor)
{
    return (uint64_t)generation << 32 | (uint32_t)descriptor;
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

/* All that wait in the line have failed; they go to done. */
void async__watched_fail(struct list *line, int result, struct list *done);

#endif
