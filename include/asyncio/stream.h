/*
 * asyncio/stream.h: connections that are read and written through buffers. A stream is one object
 * for both directions; one task at a time reads, and any may write. What a call of reading does not
 * give stays in the stream: a read that fails or is cancelled has taken nothing.
 */
#ifndef ASYNCIO_STREAM_H
#define ASYNCIO_STREAM_H

#include <asyncio/base.h>
#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>

ASYNC_BEGIN_C

typedef struct async_stream async_stream;
struct async_tls;

/* How a connection is to be made; {0} and NULL mean the defaults. */
typedef struct async_connection_options {
    struct async_tls *tls;   /* what secures it, borrowed: see asyncio/tls.h; NULL: nothing does */
    const char *server_name; /* whom the peer must prove to be; NULL: the host */
    const char *local_host;  /* the address of ours that it comes from; NULL: the kernel chooses */
    int local_port;          /* the port that it comes from; 0: the kernel chooses */
    const char *service;     /* the peer's port by name, "http" say; then port must be 0 */
    /* seconds before the next address is tried beside; 0: 0.25; ASYNC_FOREVER: not beside */
    double happy_eyeballs_delay;
    ASYNCP_RESERVED(6);
} async_connection_options;

/*
 * Connects to host and port: to the first of the host's addresses that answers; IPv6 and IPv4 take
 * turns, as RFC 8305 says. host NULL is this machine; options may be NULL. 0, and *stream is yours
 * to close; after an error it is NULL. -ECONNREFUSED, -ETIMEDOUT…: the first address that this
 * machine could try gave that. -ENOENT and the like: as async_getaddrinfo. -EAFNOSUPPORT: no
 * address is of the family of local_host. Switches.
 */
ASYNC_API ASYNC_MUST int async_open_connection(async_stream **stream, const char *host, int port,
                                               const async_connection_options *options);

/*
 * The same to a Unix socket; "@name" is abstract. While the server's backlog is full it tries
 * again. Switches.
 */
ASYNC_API ASYNC_MUST int async_open_unix_connection(async_stream **stream, const char *path,
                                                    const async_connection_options *options);

/*
 * Makes a stream of a connected socket, accepted by the program or one of a pair: from now on it is
 * non-blocking, and the stream's, which closes it. If this fails it is still the caller's. 0;
 * -EBADF, -ENOTSOCK, -ENOTCONN, -ENOMEM; -EBUSY: a stream has it. Never switches.
 */
ASYNC_API ASYNC_MUST int async_stream_new(async_stream **stream, int fd);

/*
 * ---- reading ---------------------------------------------------------------------------------
 * 0 is the peer's end, and nothing else unless no bytes were asked for: a connection that was reset
 * gives what has come, and then -ECONNRESET, whichever call was the first to meet it. -EBUSY:
 * another task reads. -ECANCELED.
 */

/*
 * Reads what there is, at least a byte and at most size of them, and says how many. After a write
 * that failed this, as every call that reads, gives what has come, and then the write's error where
 * it would wait: a peer that does not hear the question may never answer.
 *
 * size 0: does not wait, takes nothing and gives 0, whether there are bytes, the end, an error or
 * nothing, also after async_stream_abort. So this 0 is not the end, but a read into a buffer that
 * is full looks like it. Like every read it is refused while another task reads (-EBUSY) and while
 * this one is being cancelled (-ECANCELED). Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_read(async_stream *stream, void *buffer, size_t size);

/*
 * Reads exactly size bytes and returns size. -ENODATA: the peer ended before; what came can still
 * be read. -EINVAL: more than INT_MAX. Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_readexactly(async_stream *stream, void *buffer, size_t size);

/*
 * Reads a line into line[0..size), with its \n and a zero byte after it, and returns its length;
 * the last one may be without \n. -EMSGSIZE: there is no room for it; it can still be read.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_readline(async_stream *stream, char *line, size_t size);

/*
 * Reads up to and with the first of the separators listed, strings of at least one byte, into
 * buffer[0..size), without a zero byte, and returns how many bytes that is. -ENODATA: the peer
 * ended before; -EMSGSIZE: there is no room for it; what came can still be read. Switches.
 */
#define async_stream_readuntil(stream, buffer, size, ...)                                          \
    async_stream_readuntil_n((stream), (buffer), (size), (const char *const[]){__VA_ARGS__},       \
                             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* The same for separators[0..count). Switches. */
ASYNC_API ASYNC_MUST int async_stream_readuntil_n(async_stream *stream, void *buffer, size_t size,
                                                  const char *const separators[], size_t count);

/*
 * Reads all there is until the peer's end; *text is from malloc and yours, with a zero byte after
 * it. Returns how many bytes that is. -EMSGSIZE: there are more than limit. -ENOMEM. After an error
 * *text is NULL, and what came is lost. Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_read_all(async_stream *stream, char **text, size_t limit);

/*
 * Reads what there is without copying it: *data is the stream's own buffer, lent until the next
 * call that reads from it or closes it. Returns how many bytes there are, at least one; 0 at the
 * peer's end. Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_borrow(async_stream *stream, const char **data);

/*
 * For parsers: waits until at least `least` bytes are there, lends them and whatever else is there,
 * and takes nothing: async_stream_consume says how many were read. Returns how many are there;
 * fewer than least only at the peer's end. *data is lent until the next call that reads, also when
 * all of it is consumed. -EINVAL: least is 0 or above INT_MAX. Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_peek(async_stream *stream, const char **data, size_t least);

/* The first size bytes of those that are there are read. Never switches. */
ASYNC_API void async_stream_consume(async_stream *stream, size_t size);

/*
 * Reads a line as async_stream_readline does, but lends it, without a zero byte. Up to 64 KiB.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_borrow_line(async_stream *stream, const char **line);

/*
 * Whether the peer has ended, and all that it sent was read: false after an abort. Never switches.
 */
ASYNC_API bool async_stream_at_eof(const async_stream *stream);

/* ---- writing: what is written is sent soon, and in the background --------------------------- */

/*
 * Writes size bytes: what the socket does not take at once is copied. 0. -EPIPE, -ECONNRESET…: the
 * connection is gone, as every later call says, too. -ENOMEM: none of it was written; if the kernel
 * had taken a part, the connection is gone. -EBUSY: async_stream_sendfile or async_start_tls is
 * under way. A program that writes much calls async_stream_drain now and then. Never switches.
 */
ASYNC_API int async_stream_write(async_stream *stream, const void *data, size_t size);

/*
 * The same with the parts in their order. -ENOMEM: none of them was written. -EINVAL: a part is
 * NULL. Never switches.
 */
ASYNC_API int async_stream_writev(async_stream *stream, const struct iovec *parts, int count);

/* Writes formatted text; returns its length, or what async_stream_write does. Never switches. */
ASYNC_API int async_stream_printf(async_stream *stream, const char *format, ...)
    ASYNCP_PRINTF(2, 3);

/* The same with the arguments as a list, which is used up. Never switches. */
ASYNC_API int async_stream_vprintf(async_stream *stream, const char *format, va_list arguments)
    ASYNCP_PRINTF(2, 0);

/* Bytes that were written and that the kernel has not taken yet. Never switches. */
ASYNC_API size_t async_stream_pending(const async_stream *stream);

/*
 * If more is pending than the high water mark, waits until it is no more than the low one. 0, or
 * why the connection is gone. -ECANCELED. Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_drain(async_stream *stream);

/*
 * Sets these marks, at first 64 KiB and 16 KiB. Tasks that drain go on if no more than low is
 * pending. -EINVAL: low is above high. Never switches.
 */
ASYNC_API int async_stream_set_write_buffer_limits(async_stream *stream, size_t high, size_t low);

/*
 * Sends count bytes of a file from offset on, after all that was written before, and returns how
 * many that were: fewer only at the file's end. The kernel copies them, unless there is a layer.
 * Reading the file itself may hold the loop, as long as its disk takes. Other writes get -EBUSY
 * meanwhile; async_stream_write_eof takes effect after the file. An error, -ECANCELED too, leaves
 * it open how much was sent. -EINVAL: count is above INT_MAX, or the file cannot be sent (a pipe, a
 * folder). -EBADF: not open; also that the stream was closed. Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_sendfile(async_stream *stream, int file, int64_t offset,
                                               size_t count);

/*
 * Says that no more will be written: the peer finds the end after what is pending. 0 or -errno.
 * Never switches.
 */
ASYNC_API int async_stream_write_eof(async_stream *stream);

/*
 * Whether the error of a stream says that the peer has gone, which is ordinary for a server:
 * -ECONNRESET, -EPIPE, -ECONNABORTED (also after async_stream_abort), -ENODATA (it ended in the
 * middle of what was read), and -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH (it does not answer any
 * more). A limit of the program's own gives -ETIMEDOUT, too. Not -ECANCELED. Never switches.
 */
ASYNC_API bool async_is_disconnect(int error);

/* ---- the end -------------------------------------------------------------------------------- */

/*
 * Takes the stream, sends what is pending and closes it; the loop sees to that. Tasks that wait in
 * the stream get -EBADF.
 *
 * If the peer takes nothing for 30 seconds, the rest is dropped. When all is sent, a TCP connection
 * lingers until the peer's system has acknowledged everything; if the peer is still sending, or
 * there is a layer, also until the peer's end, for at most 3 seconds, while up to 16 MiB are read
 * and dropped. The end of the run waits 3 seconds at most.
 *
 * In a child of fork() only the descriptor is closed: the connection is the parent's, which sends
 * what is pending.
 *
 * NULL is nothing. Never switches.
 */
ASYNC_API void async_stream_close(async_stream *stream);

/*
 * The same, and waits until it is done. 0: all was sent, and nothing that this side does can take
 * it away; -ETIMEDOUT, -ECONNRESET…: the peer may have got only a part. -ECANCELED: it goes on.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_stream_wait_closed(async_stream *stream);

/*
 * Drops what is pending and closes the connection at once; reads and writes, those that wait
 * included, give -ECONNABORTED. If something was pending, a TCP connection is reset, so that its
 * peer finds no end. The stream itself is still to be closed. Never switches.
 */
ASYNC_API void async_stream_abort(async_stream *stream);

/* The socket, borrowed; -1 when it was aborted. Also in a child of fork(). Never switches. */
ASYNC_API int async_stream_fd(const async_stream *stream);

/*
 * The peer's address as text[0..size): "127.0.0.1:80", "[::1]:80", "/run/x.sock"; of a Unix socket
 * without a name, "". Paths and names are shown as async_printable does: a peer's may be any bytes.
 * Returns the whole length, as snprintf does, or -errno. Never switches.
 */
ASYNC_API int async_stream_peer(const async_stream *stream, char *text, size_t size);

/* The same of our own address. Never switches. */
ASYNC_API int async_stream_local(const async_stream *stream, char *text, size_t size);

/* For async_auto_stream. */
static inline void asyncp_auto_stream(async_stream **stream)
{
    async_stream_close(*stream);
}

/* async_auto_stream *s = NULL; closed when the block is left. */
#define async_auto_stream ASYNC_CLEANUP(asyncp_auto_stream) async_stream

ASYNC_END_C
#endif
