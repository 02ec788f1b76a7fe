/*
 * net/stream.h: a stream and its parts. Each part is touched by the files of its name alone, and
 * calls only those before it:
 *
 *      transport ── layer ─┬─ reader
 *                          ├─ writer ── sendfile
 *                          └─ linger ── stream
 *
 * Invariant: an idle stream, with nothing unread and nothing pending, holds no block.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/layer.h"
#include "net/linger.h"
#include "net/reader.h"
#include "net/writer.h"
#include <asyncio/stream.h>
#include <asyncio/stream_read.h>
#include <asyncio/stream_write.h>

struct async_stream {
    struct layer layer; /* with the transport, at offset 0 */
    struct reader reader;
    struct writer writer;

    /* The rest is stream.c's. */
    struct lingering_close lingering;
    bool is_lingering;
    bool waits_for_layer;         /* it closes, and the layer holds bytes */
    bool has_shutdown_grace;      /* the end of the run waits for it */
    bool is_patient;              /* a close has no limit of time */
    struct timer close_timer;     /* of the close timeout, or of the next check while it lingers */
    struct wait *closer;          /* of the task in async_stream_wait_closed; or NULL */
    struct close_hook close_hook; /* in the loop's list */
    struct async_stream **link;   /* its owner's pointer to it, cleared by the close; or NULL */
};

/* A stream of a connected, non-blocking socket of the domain. 0; -errno: fd is the caller's. */
int asyncp_stream_make(struct async_loop *loop, struct async_stream **out, int fd, int domain);

/* The same of any medium. */
int asyncp_stream_make_of(struct async_loop *loop, struct async_stream **out, int fd,
                          const struct medium *medium);

/*
 * A stream of the end of a pipe for reading (SIDE_READ) or writing, which is non-blocking and which
 * no other process has. 0; -errno: fd is the caller's.
 */
int asyncp_stream_make_pipe(struct async_loop *loop, struct async_stream **out, int fd,
                            enum side side);

/*
 * A stream of any descriptor in one direction, whoever else has it (net/adopt.c). is_standard: fd
 * stays the caller's, and writes may raise SIGPIPE; else the stream takes fd. 0; -errno, with a
 * message: fd is the caller's.
 */
int asyncp_stream_adopt(struct async_loop *loop, struct async_stream **out, int fd, enum side side,
                        bool is_standard);

/* A close, and the end of the run, wait without a limit until its output is taken. */
void asyncp_stream_set_patient(struct async_stream *stream);

/* *link points to the stream, and becomes NULL when the program closes it. */
void asyncp_stream_link(struct async_stream *stream, struct async_stream **link);
void asyncp_stream_unlink(struct async_stream *stream);

/* Its reader finds the end; so does the peer, after the pending output. */
void asyncp_stream_hang_up(struct async_stream *stream);

/* Whether reads or writes of this stream have failed with the error. */
bool asyncp_stream_failed_with(const struct async_stream *stream, int error);

static inline struct async_transport *stream_transport(struct async_stream *stream)
{
    return &stream->layer.transport;
}

/* Ends the program unless the stream may be used here. */
static inline void stream_check(const struct async_stream *stream, const char *call)
{
    ENSURE(stream != NULL, "%s: the stream is NULL", call);
    transport_check(&stream->layer.transport, call);
}

#endif
