/*
 * net/medium.h: what a transport reads and writes: a socket, or another descriptor. The transport
 * makes the calls for sockets itself, because they are on the path of every read and write; all
 * others are here.
 */
#ifndef NET_MEDIUM_H
#define NET_MEDIUM_H

#include "io/pollable.h"
#include <asyncio/hooks.h>
#include <sys/socket.h>

enum medium_kind {
    MEDIUM_SOCKET,
    MEDIUM_OWN,           /* a non-blocking open file description, mostly one of our own */
    MEDIUM_SHARED_SOCKET, /* others have it, too: it is neither shut down nor waited for */
    MEDIUM_SHARED,        /* a description that others have, too, and that stays blocking */
    MEDIUM_POLLED,        /* the same, where the kernel has no call that does not block */
    MEDIUM_FILE,          /* always ready: regular files, and devices that cannot be polled */
    MEDIUM_CUSTOM,        /* functions of libasyncio-test, which also report changes */
};

/* Only medium.[ch] touch the fields. */
struct medium {
    enum medium_kind kind;
    bool is_tcp;      /* it can be reset, and the kernel counts acknowledgements */
    bool stops_early; /* a read may return less than there is */
    bool is_read_only;
    bool is_write_only;
    bool raises_sigpipe; /* for the process, as write(2) does */
    bool is_terminal;    /* it may take one byte when poll(2) says that it is writable */
    bool is_master;      /* of a terminal: EIO is the end */
    const struct asyncp_medium *calls; /* of MEDIUM_CUSTOM */
    void *state;
};

static inline struct medium medium_of_socket(int domain)
{
    return (struct medium){
        .kind = MEDIUM_SOCKET,
        .is_tcp = domain == AF_INET || domain == AF_INET6,
        .stops_early = domain == AF_UNIX, /* between the writes of two processes */
    };
}

/* Of an end of a pipe, which is non-blocking and which no other process has. */
static inline struct medium medium_of_pipe(enum side side)
{
    return (struct medium){
        .kind = MEDIUM_OWN,
        .is_read_only = side == SIDE_READ,
        .is_write_only = side == SIDE_WRITE,
    };
}

/* Of a descriptor that may be shared, in one direction. */
static inline struct medium medium_of_shared(enum medium_kind kind, enum side side,
                                             bool raises_sigpipe)
{
    return (struct medium){
        .kind = kind,
        .stops_early = true,
        .is_read_only = side == SIDE_READ,
        .is_write_only = side == SIDE_WRITE,
        .raises_sigpipe = raises_sigpipe,
    };
}

/* Of the master of a terminal, which is non-blocking and which no other process has. */
static inline struct medium medium_of_master(void)
{
    return (struct medium){
        .kind = MEDIUM_OWN, .stops_early = true, .is_terminal = true, .is_master = true};
}

static inline struct medium medium_of_calls(const struct asyncp_medium *calls, void *state)
{
    return (struct medium){
        .kind = MEDIUM_CUSTOM, .stops_early = true, .calls = calls, .state = state};
}

/* The descriptor is a terminal, or a terminal's master. */
static inline void medium_set_terminal(struct medium *medium, bool is_master)
{
    medium->is_terminal = true;
    medium->is_master = is_master;
}

static inline bool medium_is_always_ready(const struct medium *medium)
{
    return medium->kind == MEDIUM_FILE;
}

static inline bool medium_is_socket(const struct medium *medium)
{
    return medium->kind == MEDIUM_SOCKET;
}

static inline bool medium_is_custom(const struct medium *medium)
{
    return medium->kind == MEDIUM_CUSTOM;
}

static inline bool medium_is_tcp(const struct medium *medium)
{
    return medium->is_tcp;
}

static inline bool medium_stops_early(const struct medium *medium)
{
    return medium->stops_early;
}

static inline bool medium_can_read(const struct medium *medium)
{
    return !medium->is_write_only;
}

static inline bool medium_can_write(const struct medium *medium)
{
    return !medium->is_read_only;
}

/*
 * One try, where the medium is no socket: how many bytes; 0: the end of a read; -EAGAIN; or -errno.
 * *size returns the length actually requested.
 */
int asyncp_medium_read(struct medium *medium, int fd, void *buffer, size_t *size);
int asyncp_medium_write(struct medium *medium, int fd, const void *data, size_t *size);

/* For MEDIUM_CUSTOM. */
int asyncp_medium_shut_down(const struct medium *medium);
void asyncp_medium_close(struct medium *medium, bool is_cut);

#endif
