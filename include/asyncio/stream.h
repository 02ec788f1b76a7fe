/*
 * asyncio/stream.h: streams: buffered connections over TCP, Unix sockets and TLS. How to open,
 * close and inspect them; asyncio/stream_read.h and asyncio/stream_write.h have the rest.
 *
 *     async_auto_stream *stream = NULL;
 *     ASYNC_TRY(async_open_connection(&stream, "example.com", 80, NULL));
 *     ASYNC_TRY(async_stream_printf(stream, "GET / HTTP/1.0\r\n\r\n"));
 *     char line[1024];
 *     int size = async_stream_readline(stream, line, sizeof line);
 *
 * A stream is one object for both directions. One task at a time may read from it, any task may
 * write to it. A child of fork() may only close an inherited stream.
 */
#ifndef ASYNCIO_STREAM_H
#define ASYNCIO_STREAM_H

#include <asyncio/base.h>
#include <sys/types.h>

ASYNC_BEGIN_C

typedef struct async_stream async_stream;
struct async_tls;

/*
 * Options of a connection; {0} and NULL mean the defaults. Strings are borrowed until the
 * connection is open, tls as long as the stream exists.
 */
typedef struct async_connection_options {
    struct async_tls *tls;   /* see asyncio/tls.h; NULL: the connection is not encrypted */
    const char *server_name; /* the name in the server's certificate; NULL: the host */
    const char *local_host;  /* the local address; NULL: the kernel chooses it */
    int local_port;          /* the local port; 0: the kernel chooses it */
    const char *service;     /* the port by name, such as "http"; port must be 0 then; NULL: none */
    /*
     * seconds before the next address is tried in parallel; 0: 0.25; ASYNC_FOREVER: never in
     * parallel
     */
    double happy_eyeballs_delay;
    ASYNCP_RESERVED(6);
} async_connection_options;

/*
 * Connects to a port of a host by TCP.
 *
 * The addresses of the host are tried as RFC 8305 says, IPv6 and IPv4 in turn, until one answers.
 * host NULL means this machine. options may be NULL.
 *
 * The caller owns *stream and closes it with async_stream_close; after an error it is NULL.
 * Returns 0, or an error of async_getaddrinfo or of the TLS handshake.
 * -ECONNREFUSED, -ETIMEDOUT or another error of connect(2) if no address could be connected to; it
 * is the error of the first one that could be tried.
 * -EAFNOSUPPORT if no address has the address family of local_host.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_open_connection(async_stream **stream, const char *host, int port,
                                               const async_connection_options *options);

/*
 * Connects to a Unix socket. "@name" is an abstract name.
 *
 * While the server's backlog is full the call tries again. options may be NULL.
 *
 * The caller owns *stream and closes it with async_stream_close; after an error it is NULL.
 * Returns 0, or an error of connect(2) or of the TLS handshake.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_open_unix_connection(async_stream **stream, const char *path,
                                                    const async_connection_options *options);

/*
 * Creates a stream from a connected socket. The socket becomes non-blocking.
 *
 * Takes fd if it succeeds. The caller owns *stream and closes it with async_stream_close.
 * Returns 0.
 * -EBADF if fd is not open.
 * -ENOTSOCK if fd is not a socket.
 * -ENOTCONN if fd is not connected.
 * -EBUSY if a stream uses fd.
 * -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_stream_new(async_stream **stream, int fd);

/*
 * Closes the stream. The loop sends pending output in the background and then closes the socket.
 * Waiting calls on the stream return -EBADF.
 *
 * Close timeout: if the peer accepts nothing for 30 seconds, the rest is discarded.
 *
 * Lingering close: when all output is sent, a TCP socket stays open until the peer has acknowledged
 * it. If the peer is still sending, or the stream has a layer, the socket also stays open until the
 * peer's end, for at most 3 seconds; up to 16 MiB are read and discarded meanwhile.
 *
 * The end of a run waits at most 3 seconds for streams that are being closed.
 *
 * In a child of fork() only the descriptor is closed.
 *
 * Takes the stream. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_stream_close(async_stream *stream);

/*
 * Closes the stream as async_stream_close does, and waits until the close is done. If the calling
 * task is cancelled, the close continues in the background.
 *
 * Takes the stream. NULL is ignored.
 * Returns 0 if all output was sent and can no longer be lost on this side; -ETIMEDOUT, -ECONNRESET
 * or another error of the connection if the peer may have received only a part.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_wait_closed(async_stream *stream);

/*
 * Closes the connection immediately; pending output is discarded.
 *
 * Reads and writes, also waiting ones, return -ECONNABORTED. If output was pending, a TCP
 * connection is reset, and the peer does not see a regular end. The stream itself must still be
 * closed.
 *
 * Never switches.
 */
ASYNC_API void async_stream_abort(async_stream *stream);

/*
 * Returns true if an error of a stream means that the peer has disconnected, which is usual for a
 * server.
 *
 * These are -ECONNRESET, -EPIPE, -ECONNABORTED (also after async_stream_abort), -ENODATA (the end
 * came in the middle of a read), -ETIMEDOUT, -EHOSTUNREACH and -ENETUNREACH. A time limit of the
 * program also gives -ETIMEDOUT.
 *
 * Never switches.
 */
ASYNC_API bool async_is_disconnect(int error);

/*
 * Returns the socket or other descriptor, borrowed; -1 if the stream was aborted, or if it is the
 * writing end of a pipe after async_stream_write_eof. It may be called in a child of fork().
 * Never switches.
 */
ASYNC_API int async_stream_fd(const async_stream *stream);

/*
 * Writes the peer's address to text[0..size), such as "127.0.0.1:80", "[::1]:80" or "/run/x.sock".
 *
 * It is empty for a Unix socket without a name. Paths and names are written as async_printable
 * writes them.
 *
 * Returns the length of the whole text, as snprintf does; -EBADF if the stream was aborted.
 * Never switches.
 */
ASYNC_API int async_stream_peer(const async_stream *stream, char *text, size_t size);

/*
 * Writes the local address to text[0..size), as async_stream_peer does.
 *
 * Returns the length of the whole text, as snprintf does; -EBADF if the stream was aborted.
 * Never switches.
 */
ASYNC_API int async_stream_local(const async_stream *stream, char *text, size_t size);

static inline void asyncp_auto_stream(async_stream **stream)
{
    async_stream_close(*stream);
}

/*
 * async_auto_stream *stream = NULL;
 *
 * Declares a stream and closes it when the block is left.
 */
#define async_auto_stream ASYNC_CLEANUP(asyncp_auto_stream) async_stream

ASYNC_END_C
#endif
