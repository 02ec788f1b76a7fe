/*
 * asyncio/layer.h: layers between a stream and its socket, such as TLS, compression or a log.
 *
 *     static int log_read(void *state, async_transport *transport, void *buffer, size_t size)
 *     {
 *         int result = async_transport_read(transport, buffer, size);
 *         fprintf(state, "read %d\n", result);
 *         return result;
 *     }
 *
 * A layer converts the bytes from the socket to the program's input, and the program's output to
 * the bytes for the socket. Only authors of layers need this header. The calls of a layer must not
 * switch.
 */
#ifndef ASYNCIO_LAYER_H
#define ASYNCIO_LAYER_H

#include <asyncio/base.h>
#include <asyncio/stream.h>

ASYNC_BEGIN_C

/* The socket of a stream, as its layer sees it. It lasts as long as the stream. */
typedef struct async_transport async_transport;

/*
 * The calls of a layer. None of them may switch.
 *
 * Each is passed the layer's state, and the stream's transport, on which it may call
 * async_transport_read and async_transport_write. If a call returns a negative errno value other
 * than -EAGAIN, its direction of the stream has failed for good.
 */
typedef struct async_stream_layer {
    /*
     * Reads up to size bytes for the program. Returns their number; 0 at the peer's end; -EAGAIN if
     * async_transport_read returned it.
     */
    int (*read)(void *state, async_transport *transport, void *buffer, size_t size);

    /* Writes all of the program's bytes and returns 0. */
    int (*write)(void *state, async_transport *transport, const void *data, size_t size);

    /* Writes the layer's end of the data, and returns 0. It is called once. */
    int (*finish)(void *state, async_transport *transport);

    /* Frees the state. The stream does not exist any more. */
    void (*free)(void *state);

    /*
     * Returns the number of bytes, the program's or its own, that the layer cannot write before it
     * has read more from the peer. A closing stream reads through the layer until the number is 0,
     * for at most 30 seconds. NULL: it is always 0.
     */
    size_t (*held)(void *state);
} async_stream_layer;

/*
 * Puts a layer on the stream. From now on all bytes read and written by the program go through it,
 * also bytes received before and not yet read.
 *
 * Borrows calls as long as the stream exists. Takes the state if it succeeds, and frees it with the
 * layer's free.
 * Returns 0; -EBUSY if the stream has a layer, or a task reads from it or sends a file; -EINVAL if
 * calls is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_stream_set_layer(async_stream *stream,
                                                const async_stream_layer *calls, void *state);

/*
 * Returns the state of the stream's layer; NULL if the stream has no layer with these calls.
 * Never switches.
 */
ASYNC_API void *async_stream_layer_state(const async_stream *stream,
                                         const async_stream_layer *calls);

/*
 * Returns the stream's transport, borrowed; also where there is no layer.
 *
 * Never switches.
 */
ASYNC_API async_transport *async_stream_transport(async_stream *stream);

/*
 * Reads bytes received from the socket. For the calls of a layer.
 *
 * Each call of the layer's read may get 64 KiB in all. While more than 16 KiB of output written by
 * the layer's reads are pending, it gets nothing. It must then return the -EAGAIN, and other tasks
 * run before it is called again.
 *
 * Returns the number of bytes; 0 at the end; -EAGAIN if there is nothing to read now; -EINVAL if
 * size is 0.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_transport_read(async_transport *transport, void *buffer,
                                              size_t size);

/*
 * Writes all of the bytes to the socket. For the calls of a layer.
 *
 * Copies the rest if the socket does not accept everything at once.
 * Returns 0, or the error of the connection; -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_transport_write(async_transport *transport, const void *data,
                                               size_t size);

/*
 * Sends the written bytes, and waits until async_transport_read may have more. For handshakes: it
 * is called in a task, not in the calls of a layer.
 *
 * Returns 0; -EBUSY if another task reads from the stream.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_transport_wait(async_transport *transport);

/*
 * A TLS implementation, for the option `tls` of connections and servers.
 *
 * The struct is at the beginning of the object of the implementation.
 */
typedef struct async_tls {
    /*
     * Puts a layer on a connected stream and does the handshake. server_name is NULL for a server,
     * and for a client without a server name. Returns 0 or an error. It may switch.
     */
    int (*start)(struct async_tls *self, async_stream *stream, const char *server_name);
    size_t stack_size;        /* bytes of stack for start; 0: any stack is enough */
    double handshake_timeout; /* time limit of start in seconds; 0: 60 */
} async_tls;

/*
 * Starts TLS on an unencrypted stream, as STARTTLS does. From now on everything read and written is
 * encrypted.
 *
 * On the client's side server_name is the name expected in the server's certificate; on the
 * server's side it is NULL. Other writes return -EBUSY until the handshake has ended. If the
 * handshake fails, the stream can only be closed.
 *
 * Borrows tls and server_name.
 * Returns 0, or an error of the handshake (see asyncio/tls.h).
 * -ETIMEDOUT if the handshake takes longer than tls->handshake_timeout.
 * -EBUSY if the stream has a layer or another task reads from it.
 * -EPIPE after async_stream_write_eof.
 * -EINVAL if tls is NULL.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_start_tls(async_stream *stream, async_tls *tls,
                                         const char *server_name);

ASYNC_END_C
#endif
