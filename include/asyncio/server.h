/*
 * asyncio/server.h: servers. They listen and run a task for each connection.
 *
 *     static int echo(async_stream *stream, void *context)
 *     {
 *         char line[256];
 *         int size;
 *         while ((size = async_stream_readline(stream, line, sizeof line)) > 0)
 *             ASYNC_TRY(async_stream_write(stream, line, (size_t)size));
 *         return size;
 *     }
 *
 *     async_auto_wait_server *server = NULL;
 *     ASYNC_TRY(async_start_server(&server, echo, NULL, "localhost", 8888, NULL));
 *     return async_server_serve_forever(server);
 */
#ifndef ASYNCIO_SERVER_H
#define ASYNCIO_SERVER_H

#include <asyncio/base.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

typedef struct async_server async_server;

/*
 * Serves one connection, in a task of its own.
 *
 * The stream is borrowed: the server closes it when the function returns, and also if the function
 * never runs. The function may also close it itself. If the function returns an error, the loop
 * reports it as the error of a task that is not awaited. Outside debug mode it does not report an
 * error of this stream for which async_is_disconnect returns true.
 */
typedef int async_serve(async_stream *stream, void *context);

/*
 * Options of a server; {0} and NULL mean the defaults. Strings are borrowed until the server has
 * started, tls as long as the server exists.
 */
typedef struct async_server_options {
    struct async_tls *tls;  /* see asyncio/tls.h; NULL: connections are not encrypted */
    int backlog;            /* limit of connections waiting to be accepted, 1 or more; 0: 100 */
    size_t max_connections; /* at once; others wait in the backlog; 0: no limit */
    /* bytes of stack for a connection's task, at least tls->stack_size; 0: the loop's default */
    size_t stack_size;
    bool reuse_port; /* SO_REUSEPORT: several processes share the connections of a port */
    bool keep_alive; /* SO_KEEPALIVE: the kernel probes idle connections */
    bool paused;     /* does not accept before async_server_start_serving is called */
    bool keep_path;  /* a Unix server does not remove its path when it stops listening */
    /* the port by name, such as "http"; port must be 0 then; NULL: none */
    const char *service;
    /* more hosts to listen on, ended by NULL; NULL: none */
    const char *const *more_hosts;
    ASYNCP_RESERVED(6);
} async_server_options;

/*
 * int async_start_server(async_server **server, async_serve *serve, void *context,
 *                        const char *host, int port, const async_server_options *options)
 *
 * Starts a server that listens on all addresses of a host and runs serve(stream, context) for each
 * connection.
 *
 * host NULL or "" means all addresses of this machine. port 0 lets the kernel choose a port, which
 * is the same for all addresses. If this machine has only some of the addresses, the others are
 * skipped. options may be NULL.
 *
 * Borrows context as long as the server exists. The caller owns *server and frees it with
 * async_server_free_wait; after an error it is NULL.
 * Returns 0, or an error of bind(2), listen(2) or async_getaddrinfo.
 * -EADDRINUSE if the port is in use.
 * -EACCES if the program may not use the port.
 * Switches.
 */
#define async_start_server(server, serve, ...)                                                     \
    asyncp_start_server((server), (serve), #serve, ASYNCP_HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_start_server(async_server **server, async_serve *serve,
                                             const char *name, const char *where, void *context,
                                             const char *host, int port,
                                             const async_server_options *options);

/*
 * int async_start_unix_server(async_server **server, async_serve *serve, void *context,
 *                             const char *path, const async_server_options *options)
 *
 * Starts a server that listens at a path and serves as async_start_server does.
 *
 * "@name" is an abstract name. An existing socket at the path is replaced, unless the start fails.
 * When the server stops listening it removes the path, unless options->keep_path is set or there is
 * another file by then.
 *
 * Borrows context as long as the server exists. The caller owns *server and frees it with
 * async_server_free_wait; after an error it is NULL.
 * Returns 0, or an error of bind(2) or listen(2); -EADDRINUSE if the file at the path is not a
 * socket.
 * Never switches.
 */
#define async_start_unix_server(server, serve, ...)                                                \
    asyncp_start_unix_server((server), (serve), #serve, ASYNCP_HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_start_unix_server(async_server **server, async_serve *serve,
                                                  const char *name, const char *where,
                                                  void *context, const char *path,
                                                  const async_server_options *options);

/*
 * int async_start_server_fd(async_server **server, async_serve *serve, void *context, int fd,
 *                           const async_server_options *options)
 *
 * Starts a server on a stream socket bound by the program or passed on by its parent process. It
 * serves as async_start_server does.
 *
 * The socket may be listening; its backlog is then kept unless the options have one. It becomes
 * non-blocking, in all processes that share it. The path of a Unix socket is not removed.
 *
 * Takes fd if it succeeds. Borrows context as long as the server exists. The caller owns *server
 * and frees it with async_server_free_wait; after an error it is NULL.
 * Returns 0.
 * -EBADF if fd is not open.
 * -ENOTSOCK if fd is not a socket.
 * -EPROTOTYPE if fd is not a stream socket.
 * -EISCONN if fd is connected.
 * -EINVAL if fd is not bound.
 * -EBUSY if a stream or a server uses fd.
 * -ENOMEM.
 * Never switches.
 */
#define async_start_server_fd(server, serve, ...)                                                  \
    asyncp_start_server_fd((server), (serve), #serve, ASYNCP_HERE, __VA_ARGS__)
ASYNC_API ASYNC_MUST int asyncp_start_server_fd(async_server **server, async_serve *serve,
                                                const char *name, const char *where, void *context,
                                                int fd, const async_server_options *options);

/*
 * Starts to accept connections, on a server started with options->paused.
 *
 * Never switches.
 */
ASYNC_API void async_server_start_serving(async_server *server);

/*
 * Waits until the server is closed. If the calling task is cancelled, it closes the server.
 *
 * Returns 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_server_serve_forever(async_server *server);

/*
 * Stops listening. The connections continue.
 *
 * Never switches.
 */
ASYNC_API void async_server_close(async_server *server);

/*
 * Closes every connection gracefully: its task reads the end of the stream, and pending output is
 * sent.
 *
 * Never switches.
 */
ASYNC_API void async_server_close_clients(async_server *server);

/*
 * Aborts every connection (see async_stream_abort).
 *
 * Never switches.
 */
ASYNC_API void async_server_abort_clients(async_server *server);

/*
 * Cancels the task of every connection.
 *
 * Never switches.
 */
ASYNC_API void async_server_cancel_clients(async_server *server);

/*
 * Waits until the server is closed and the tasks of all connections have ended.
 *
 * Returns 0.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_server_wait_closed(async_server *server);

/*
 * Closes the server, cancels the tasks of its connections, waits until they have ended, and frees
 * the server. It waits also if the calling task is cancelled.
 *
 * In a child of fork() it only closes the descriptors.
 *
 * Takes the server. NULL is ignored.
 * Switches.
 */
ASYNC_API void async_server_free_wait(async_server *server);

/*
 * Returns the port on which the server listens; 0 for a Unix server or a closed one.
 * Never switches.
 */
ASYNC_API int async_server_port(const async_server *server);

/*
 * Returns the number of connections whose tasks have not ended.
 * Never switches.
 */
ASYNC_API size_t async_server_connections(const async_server *server);

/*
 * Stores the server's listening sockets, borrowed, in fds[0..capacity).
 *
 * Returns the number of sockets, which may be larger than capacity.
 * Never switches.
 */
ASYNC_API size_t async_server_fds(const async_server *server, int fds[], size_t capacity);

static inline void asyncp_auto_wait_server(async_server **server)
{
    async_server_free_wait(*server);
}

/*
 * async_auto_wait_server *server = NULL;
 *
 * Declares a server and frees it, with async_server_free_wait, when the block is left. Declare it
 * after the objects used by its connections.
 */
#define async_auto_wait_server ASYNC_CLEANUP(asyncp_auto_wait_server) async_server

ASYNC_END_C
#endif
