/*
 * asyncio/layer.h: what can be put between a stream and its socket: TLS, compression, a log. A
 * layer turns the bytes of the socket into those that the program reads, and those that it writes
 * into those that are sent. Programs that use layers need none of this; it is for those who write
 * one.
 */
#ifndef ASYNCIO_LAYER_H
#define ASYNCIO_LAYER_H

#include <asyncio/base.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

/* What lies below a layer: the socket of its stream. Borrowed; it lasts as long as the stream. */
typedef struct async_transport async_transport;

/*
 * The calls of a layer. None of them may switch; each is given the state and the transport, which
 * it uses by async_transport_read and async_transport_write. An error, -errno, ends that direction
 * of the stream for good.
 */
typedef struct async_stream_layer {
    /*
     * Reads up to size bytes for the program: how many; 0: the peer's end; -EAGAIN:
     * async_transport_read gave that.
     */
    int (*read)(void *state, async_transport *transport, void *buffer, size_t size);

    /* Takes all of the program's bytes: 0. */
    int (*write)(void *state, async_transport *transport, const void *data, size_t size);

    /* Writes what there is to say at the end, once: 0. */
    int (*finish)(void *state, async_transport *transport);

    /* Takes the state; the stream is gone. */
    void (*free)(void *state);

    /*
     * How many of the program's bytes, or of its own, the layer keeps until more has come from the
     * peer: a stream that is closed goes on reading through the layer until they have gone, for at
     * most 30 seconds. NULL: never any.
     */
    size_t (*held)(void *state);
} async_stream_layer;

/*
 * Puts the layer around the stream, which has none: what the program reads and writes from now on
 * goes through it, and so does what has come from the peer and was not read. Takes the state, and
 * frees it by the layer's own call. calls must last as long as the stream. 0; -EBUSY: it has one,
 * or a task reads or sends a file; -EINVAL. Never switches.
 */
ASYNC_API ASYNC_MUST int async_stream_set_layer(async_stream *stream,
                                                const async_stream_layer *calls, void *state);

/* The state of the stream's layer if that has these calls, else NULL. Never switches. */
ASYNC_API void *async_stream_layer_state(const async_stream *stream,
                                         const async_stream_layer *calls);

/* The stream's transport, also where there is no layer. Never switches. */
ASYNC_API async_transport *async_stream_transport(async_stream *stream);

/*
 * Reads what has come from the socket: how many bytes; 0: its end; -EAGAIN: nothing for now.
 * -EINVAL: size is 0. In one call of its read a layer gets 64 KiB, and nothing while more than 16
 * KiB of what its reads have written are pending: -EAGAIN then, and other tasks run before the
 * layer's read is called again. Never switches.
 */
ASYNC_API ASYNC_MUST int async_transport_read(async_transport *transport, void *buffer,
                                              size_t size);

/*
 * Writes to the socket, and takes all of it: 0, or why the connection is gone. -ENOMEM. Never
 * switches.
 */
ASYNC_API ASYNC_MUST int async_transport_write(async_transport *transport, const void *data,
                                               size_t size);

/*
 * For handshakes, in a task: sends what was written, and waits until async_transport_read may have
 * more. 0. -EBUSY: a task reads. -ECANCELED. Switches.
 */
ASYNC_API ASYNC_MUST int async_transport_wait(async_transport *transport);

/*
 * What the options of connections and servers take as `tls`. start puts a layer on a stream that is
 * connected, to a server of that name (NULL: nobody asked for one by name, or it is the server's
 * side): 0 or -errno. It may switch.
 */
typedef struct async_tls {
    /* self is this struct, which lies at the beginning of whatever it belongs to. */
    int (*start)(struct async_tls *self, async_stream *stream, const char *server_name);
    size_t stack_size;        /* bytes of a task's stack that start needs; 0: any stack will do */
    double handshake_timeout; /* seconds that start may take; 0: 60 */
} async_tls;

/*
 * Secures a stream that has been used in the clear, as STARTTLS does: from now on all that is read
 * and written goes through TLS. A client says whom the server must prove to be; a server says NULL.
 * 0; or why not, and then the stream can only be closed: -ETIMEDOUT after tls->handshake_timeout,
 * and see asyncio/tls.h. -EBUSY: it is secure, or a task reads. -EINVAL. -EPIPE: after
 * async_stream_write_eof. Other writes get -EBUSY meanwhile. Switches.
 */
ASYNC_API ASYNC_MUST int async_start_tls(async_stream *stream, async_tls *tls,
                                         const char *server_name);

ASYNC_END_C
#endif
