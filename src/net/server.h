/*
 * net/server.h: what a server is made of: its listeners (listen.c), which accept, and its
 * connections (server.c), each of which is a stream and a task. The server itself has no task.
 *
 * Invariant: a listener that accepts is in flight; one that does not, because the server is full,
 * short of descriptors or to start later, tries again when that has changed, without a word of the
 * kernel.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "io/pollable.h"
#include <asyncio/server.h>

struct socket_path;

struct listener {
    struct pollable pollable;    /* the listening socket */
    struct async_server *server; /* whose it is */
    struct socket_path *path;    /* of a Unix socket; NULL: none, or the program bound it */
};

struct async_server {
    struct async_loop *loop;         /* whose server it is */
    struct guest guest;              /* the loop's list of its servers */
    async_serve *serve;              /* what serves a connection */
    void *argument;                  /* handed to it */
    struct asyncp_function function; /* what its tasks run, by the name of serve */
    async_server_options options;    /* as given, with defaults filled in */
    struct list connections;         /* that have not ended */
    size_t connection_count;         /* of them */
    struct deferred again;           /* another round of accepting */
    bool accepts_again;              /* that is put off */
    struct timer pause;         /* ends when there may be descriptors again; else set to never */
    bool paused;                /* until then */
    struct list waiters;        /* tasks that wait for the server's end */
    struct list forever;        /* tasks that wait until it is closed */
    bool serving;               /* it accepts */
    bool closed;                /* it does not listen any more */
    bool refused;               /* the kernel has not let it accept since its last connection */
    int skipped;                /* connections in a row that came to nothing */
    size_t listener_count;      /* that are open */
    size_t listener_room;       /* in the array */
    struct listener *listeners; /* its sockets; they do not move, since the poller knows them */
};

/* A server without listeners; NULL: out of memory. */
struct async_server *asyncp_server_make(struct async_loop *loop, async_serve *serve,
                                        const char *name, const char *where, void *argument,
                                        const async_server_options *options);

/* For its maker: what it needs to listen later on. 0 or -ENOMEM. */
int asyncp_server_prepare(struct async_server *server);

/* Room for so many listeners; once, before the first. 0 or -ENOMEM. */
int asyncp_server_make_room(struct async_server *server, size_t count);

/*
 * Takes a socket that listens, and its path, which may be NULL; 0. -errno: both are the caller's
 * still.
 */
int asyncp_server_listen(struct async_server *server, int fd, struct socket_path *path);

/* Closes all listeners. */
void asyncp_server_stop(struct async_server *server);

/* Something has changed that kept the server from accepting. */
void asyncp_server_accept_again(struct async_server *server);

/* For listeners: takes a connection that was accepted. 0, or -ENOMEM and it was closed. */
int asyncp_server_connect(struct async_server *server, int fd, int domain);

#endif
