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
 * Serves one connection, in a task of its own. The stream is lent: the server closes it when this returns, or if it
 * never runs; it may have closed it itself. An error that it returns is reported, as that of every task nobody awaits.
 */
typedef int async_serve(async_stream *stream, void *argument);

/* How a server is to be; {0} and NULL mean the defaults. */
typedef struct async_server_options {
    struct async_tls *tls; /* what secures its connections, borrowed: see asyncio/tls.h; NULL: nothing does */
    int backlog;           /* connections that wait to be accepted; 0: 100; -EINVAL if negative */
    size_t connections;    /* the most at once: others wait in the backlog; 0: any number */
    size_t stack_size;     /* of the connections' tasks; 0: the loop's default */
    bool reuse_port;       /* other processes may listen at the same port, and share its connections */
    bool keep_alive;       /* the kernel asks silent peers now and then whether they are still there */
    bool start_later;      /* async_server_start_serving begins to accept */
} async_server_options;

/*
 * async_start_server(&server, serve, argument, host, port, options): listens at all addresses of host (NULL: all of
 * this machine), and has serve(stream, argument) run for each connection. port 0: the kernel chooses one. options may
 * be NULL. Returns 0, and the server is yours to free; or -errno, mostly -EADDRINUSE or -EACCES, and it is NULL.
 * Switches.
 */
#define async_start_server(server, serve, ...)                                                               \
    async__start_server((server), (serve), #serve, ASYNC__HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int async__start_server(async_server **server, async_serve *serve, const char *name,
                                             const char *where, void *argument, const char *host, int port,
                                             const async_server_options *options);

/*
 * async_start_unix_server(&server, serve, argument, path, options): the same at a path; a socket that is left there
 * from before is replaced, and it is removed when the server stops to listen. "@name" is abstract. Never switches.
 */
#define async_start_unix_server(server, serve, ...)                                                          \
    async__start_unix_server((server), (serve), #serve, ASYNC__HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int async__start_unix_server(async_server **server, async_serve *serve, const char *name,
                                                  const char *where, void *argument, const char *path,
                                                  const async_server_options *options);

/* Begins to accept, after start_later. Never switches. */
ASYNC_API void async_server_start_serving(async_server *server);

/* Waits until the server is closed: 0; until this task is cancelled: -ECANCELED, and it closes the server. Switches. */
ASYNC_API ASYNC_MUST int async_server_serve_forever(async_server *server);

/* Stops to listen; connections go on. Never switches. */
ASYNC_API void async_server_close(async_server *server);

/* Ends every connection in order: its reader finds the end, and what is pending is sent. Never switches. */
ASYNC_API void async_server_close_clients(async_server *server);

/* Aborts every connection: see async_stream_abort. Never switches. */
ASYNC_API void async_server_abort_clients(async_server *server);

/* Cancels the task of every connection. Never switches. */
ASYNC_API void async_server_cancel_clients(async_server *server);

/* Waits until the server is closed and every connection's task has ended. 0. -ECANCELED. Switches. */
ASYNC_API ASYNC_MUST int async_server_wait_closed(async_server *server);

/*
 * Takes the server: closes it, cancels the tasks of its connections, and waits for them, whatever happens to this
 * task. In a child of fork() only descriptors are closed. NULL is nothing. Switches.
 */
ASYNC_API void async_server_free(async_server *server);

/* The port at which it listens; 0: a Unix server, or closed. Never switches. */
ASYNC_API int async_server_port(const async_server *server);

/* Connections whose tasks have not ended. Never switches. */
ASYNC_API size_t async_server_connections(const async_server *server);

/* Fills descriptors[0..capacity) with its sockets, borrowed; returns how many it has. Never switches. */
ASYNC_API size_t async_server_sockets(const async_server *server, int descriptors[], size_t capacity);

/* For async_auto_server. */
static inline void async__auto_server(async_server **server)
{
    async_server_free(*server);
}

/* async_auto_server *s = NULL; freed when the block is left: declare it after what its connections use. */
#define async_auto_server ASYNC_CLEANUP(async__auto_server) async_server

ASYNC_END_C
#endif
