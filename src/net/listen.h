/*
 * net/listen.h: a listening socket. Connections are accepted on the loop's own stack, up to the
 * backlog at a time. It does not know servers.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "io/pollable.h"

/* The callbacks, set by the owner, may close the listener. */
struct listener {
    struct pollable pollable;
    struct async_loop *loop;
    struct deferred deferred; /* another round of accepting, put off */
    bool is_put_off;
    int backlog;
    int skipped; /* failed connections in a row */

    /* Whether another connection is wanted now. */
    bool (*wants)(const struct listener *listener);

    /* Takes a connected socket of the domain. 0; -errno: accepting is to fail with it. */
    int (*accepted)(struct listener *listener, int fd, int domain);

    /*
     * Nothing can be accepted for now, or never again. The listener tries again when the owner
     * calls asyncp_listener_put_off, or when the poller reports a change.
     */
    void (*failed)(struct listener *listener, int error);
};

/* Takes a listening socket. 0; -errno: it is still the caller's. The callbacks are set before. */
int asyncp_listener_open(struct listener *listener, struct async_loop *loop, int fd, int backlog);

void asyncp_listener_close(struct listener *listener);

/* Has the listener accept at the end of the iteration. */
void asyncp_listener_put_off(struct listener *listener);

static inline int listener_fd(const struct listener *listener)
{
    return listener->pollable.source.fd;
}

#endif
