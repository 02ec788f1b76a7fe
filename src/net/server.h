/*
 * net/server.h: a server: its listeners accept connections; each has a stream and a task.
 * The server itself has no task.
 *
 * Invariant: a listener that does not accept, because the server is full, short of descriptors or
 * paused, is put off when it may accept again: the poller does not report it a second time.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "net/listen.h"
#include <asyncio/server.h>

struct socket_path;

struct server_listener {
    struct listener listener;
    struct async_server *server;
};

/* Only server.c touches the fields. */
struct async_server {
    struct async_loop *loop;
    struct close_hook close_hook; /* in the loop's list */
    async_serve *serve;
    void *argument;
    struct asyncp_function function; /* of its tasks; has the name of serve */
    async_server_options options;    /* with defaults filled in */

    struct list connections;
    size_t connection_count;
    struct list waiters;         /* tasks waiting until it is closed and has no connections */
    struct list forever_waiters; /* tasks in async_server_serve_forever */

    bool serving;             /* it accepts, unless it is paused */
    bool closed;              /* it has closed its listeners */
    bool paused;              /* until the timer expires, or a connection ends */
    bool was_refused;         /* the kernel has not let it accept since its last connection */
    struct timer pause;       /* set to TIME_NEVER while it is not paused */
    struct socket_path *path; /* of a Unix socket bound by the server; or NULL */

    struct server_listener *listeners; /* they do not move, since the poller knows them */
    size_t listener_count, listener_capacity;
};

/* A server without listeners; NULL: out of memory. */
struct async_server *asyncp_server_make(struct async_loop *loop, async_serve *serve,
                                        const char *name, const char *where, void *argument,
                                        const async_server_options *options);

/* Room for so many listeners; once, before the first. 0 or -ENOMEM. */
int asyncp_server_reserve(struct async_server *server, size_t count);

/* Takes a listening socket. 0; -errno: it is still the caller's. */
int asyncp_server_listen(struct async_server *server, int fd);

/* Takes the path of a listener's socket. */
void asyncp_server_set_path(struct async_server *server, struct socket_path *path);

/* Has all listeners accept at the end of the iteration; a pause is over. */
void asyncp_server_accept(struct async_server *server);

const async_server_options *asyncp_server_options(const struct async_server *server);

/* The name of the function serving its connections. */
const char *asyncp_server_name(const struct async_server *server);

#endif
