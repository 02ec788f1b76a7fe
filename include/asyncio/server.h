/*
 * asyncio/server.h: servers of streams: they listen, and run a task for each connection.
 */
#ifndef ASYNCIO_SERVER_H
#define ASYNCIO_SERVER_H

#include <asyncio/base.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

typedef struct async_server async_server;

/*
 * Serves one connection, in a task of its own. The stream is lent: the server closes it when this
 * returns, or if it never runs; it may have closed it itself. An error that it returns is reported,
 * as that of every task nobody awaits; but not, outside debug mode, if it is the stream's own and
 * async_is_disconnect says that the peer has gone.
 */
typedef int async_serve(async_stream *stream, void *context);

/* How a server is to be; {0} and NULL mean the defaults. */
typedef struct async_server_options {
    /* what secures its connections, borrowed: see asyncio/tls.h; NULL: nothing does */
    struct async_tls *tls;
    int backlog;            /* connections that wait to be accepted; 0: 100; -EINVAL if negative */
    size_t max_connections; /* the most at once: others wait in the backlog; 0: any number */
    /* of the connections' tasks, at least what tls needs; 0: the loop's default */
    size_t stack_size;
    bool reuse_port; /* other processes may listen at the same port, and share its connections */
    bool keep_alive; /* the kernel asks silent peers now and then whether they are still there */
    bool paused;     /* async_server_start_serving begins to accept */
    bool keep_path;  /* a Unix server leaves its path there when it stops */
    /* the port by name, "http" say; then port must be 0. Borrowed for the call */
    const char *service;
    const char *const
        *more_hosts; /* it listens at theirs, too; ends with NULL. Borrowed for the call */
    ASYNCP_RESERVED(6);
} async_server_options;

/*
 * async_start_server(&server, serve, context, host, port, options): listens at all addresses of
 * host (NULL or "": all of this machine), and has serve(stream, context) run for each connection.
 * port 0: the kernel chooses one, the same for all addresses. Addresses that this machine does not
 * have are left out if it has others. options may be NULL. Returns 0, and the server is yours to
 * free; after an error it is NULL. -EADDRINUSE: the port is taken. -EACCES: this program may not
 * use the port. Other errors are those of bind(2), listen(2) and async_getaddrinfo. Switches.
 */
#define async_start_server(server, serve, ...)                                                     \
    asyncp_start_server((server), (serve), #serve, ASYNCP_HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_start_server(async_server **server, async_serve *serve,
                                             const char *name, const char *where, void *context,
                                             const char *host, int port,
                                             const async_server_options *options);

/*
 * async_start_unix_server(&server, serve, context, path, options): the same at a path. A socket
 * that is there is replaced, and stays if the start fails. When the server stops to listen, it
 * removes its path, unless options->keep_path, or another file is there by then. -EADDRINUSE: a
 * file that is not a socket is there. "@name" is abstract. Never switches.
 */
#define async_start_unix_server(server, serve, ...)                                                \
    asyncp_start_unix_server((server), (serve), #serve, ASYNCP_HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_start_unix_server(async_server **server, async_serve *serve,
                                                  const char *name, const char *where,
                                                  void *context, const char *path,
                                                  const async_server_options *options);

/*
 * async_start_server_fd(&server, serve, context, fd, options): listens on a stream socket
 * that the program has bound, or was given by the process that started it, and serves as
 * async_start_server does. It may listen already; then its backlog stays, unless options have one.
 * The server makes it non-blocking, for all processes that share it, and closes it; a Unix socket's
 * path stays. If this fails the descriptor is still the caller's. -EBADF, -ENOTSOCK; -EPROTOTYPE:
 * not a stream socket; -EISCONN: it is connected; -EINVAL: it is not bound; -EBUSY: a stream or a
 * server has it; -ENOMEM. Never switches.
 */
#define async_start_server_fd(server, serve, ...)                                                  \
    asyncp_start_server_fd((server), (serve), #serve, ASYNCP_HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_start_server_fd(async_server **server, async_serve *serve,
                                                const char *name, const char *where, void *context,
                                                int fd, const async_server_options *options);

/* Begins to accept, after options->paused. Never switches. */
ASYNC_API void async_server_start_serving(async_server *server);

/*
 * Waits until the server is closed. 0. -ECANCELED: this task was cancelled, and this call has
 * closed it. Switches.
 */
ASYNC_API ASYNC_MUST int async_server_serve_forever(async_server *server);

/* Stops to listen; connections go on. Never switches. */
ASYNC_API void async_server_close(async_server *server);

/*
 * Ends every connection in order: its reader finds the end, and what is pending is sent. Never
 * switches.
 */
ASYNC_API void async_server_close_clients(async_server *server);

/* Aborts every connection: see async_stream_abort. Never switches. */
ASYNC_API void async_server_abort_clients(async_server *server);

/* Cancels the task of every connection. Never switches. */
ASYNC_API void async_server_cancel_clients(async_server *server);

/*
 * Waits until the server is closed and every connection's task has ended. 0. -ECANCELED. Switches.
 */
ASYNC_API ASYNC_MUST int async_server_wait_closed(async_server *server);

/*
 * Takes the server: closes it, cancels the tasks of its connections, and waits for them, whatever
 * happens to this task. In a child of fork() only descriptors are closed. NULL is nothing.
 * Switches.
 */
ASYNC_API void async_server_free_wait(async_server *server);

/* The port at which it listens; 0: a Unix server, or closed. Never switches. */
ASYNC_API int async_server_port(const async_server *server);

/* Connections whose tasks have not ended. Never switches. */
ASYNC_API size_t async_server_connections(const async_server *server);

/*
 * Fills fds[0..capacity) with its sockets, borrowed; returns how many it has. Never
 * switches.
 */
ASYNC_API size_t async_server_fds(const async_server *server, int fds[], size_t capacity);

/* For async_auto_wait_server. */
static inline void asyncp_auto_wait_server(async_server **server)
{
    async_server_free_wait(*server);
}

/*
 * async_auto_wait_server *s = NULL; freed when the block is left: declare it after what its
 * connections use.
 */
#define async_auto_wait_server ASYNC_CLEANUP(asyncp_auto_wait_server) async_server

ASYNC_END_C
#endif
