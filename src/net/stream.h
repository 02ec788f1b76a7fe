/*
 * net/stream.h: what a stream is made of. Reading (input.c) and writing (output.c) touch their own
 * halves; its life (stream.c) begins and ends both.
 *
 * Invariant: a stream that is idle, with nothing unread and nothing pending, holds no block. While
 * something is pending, either its flush is put off to the end of the iteration, or it is blocked:
 * the next change of the socket continues.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "sched/fork.h"
#include "io/pollable.h"
#include <asyncio/layer.h>
#include <asyncio/stream.h>

/* A call that must be the only one to write until it returns. It lies in the frame of that call. */
struct writer {
    const char *call; /* its name */
    /* it is a sendfile: the end of writing may be asked for meanwhile, and comes after it */
    bool is_file;
    bool ends; /* that was asked for */
    bool gone; /* the stream was closed: it must not be touched any more */
};

/* A lingering close: see linger.c. */
struct lingering {
    int64_t until_ns;      /* when the wait for the peer's end is over */
    int64_t pause_ns;      /* between two looks at what is not acknowledged */
    size_t dropped;        /* bytes that came meanwhile */
    size_t unacknowledged; /* bytes that the peer's system had not acknowledged at the last look */
    bool active;           /* all was sent, and the stream goes on for a while */
    bool heard;            /* the peer has sent something that was not read */
    bool peer_ended;       /* its end was read */
};

/* What every read and write touches comes first and fills three cache lines. */
struct async_stream {
    struct pollable pollable; /* the socket, and who waits to read from it */
    struct async_loop *loop;  /* whose stream it is */

    struct block *input; /* what was received and not read; NULL: nothing */
    struct block *first; /* what was written and not sent; NULL: nothing */
    struct block *last;  /* where more is put */
    size_t pending;      /* bytes in those */
    int read_error;      /* what every read says from now on; 0: nothing yet */
    /* what every write, and a read that would wait, says from now on; 0: nothing yet */
    int write_error;
    /* what the socket failed with; the kernel reports it once, to either direction */
    int socket_error;
    bool at_end;          /* every read returns 0 from now on */
    bool socket_ended;    /* the socket's end was read */
    bool hung_up;         /* at_end was set by asyncp_stream_hang_up: the peer may still send */
    bool in_layer_read;   /* the layer's read runs: what it writes are answers */
    bool lent;            /* the program looks at bytes of the input that are read */
    bool gathered;        /* a flush is put off */
    bool blocked;         /* the kernel takes no more for now */
    bool ends;            /* after what is pending, the peer is to find the end */
    bool ended;           /* it was told */
    bool closing;         /* it was taken, and goes when nothing is pending */
    bool lingers;         /* for that the end of the run waits a while */
    bool progressed;      /* something was sent since patience was set */
    bool waits_for_layer; /* it closes, and the layer holds something: see layer_holds */
    bool is_tcp; /* the kernel can reset the connection, and tell how much was acknowledged */
    bool is_cut; /* bytes that the program has written were dropped: the peer must find no end */

    const async_stream_layer *layer; /* what all goes through; NULL: nothing */
    size_t high, low;                /* the water marks */
    size_t tell_at;                  /* debug mode tells when so much is pending, and doubles it */
    struct list drainers;            /* tasks that wait until less is pending */
    struct list watchers;            /* tasks that select it */
    struct deferred flush;           /* of what was gathered */

    /* what came before there was a layer, for the layer to read; NULL: nothing */
    struct block *early;
    void *layer_state; /* the layer's */
    /* bytes that the layer may still read before other tasks have their turn */
    size_t layer_budget;
    size_t answers;        /* bytes that the layer's reads have written since nothing was pending */
    struct writer *writer; /* the call that alone may write now; NULL: none */
    struct wait *closer;   /* the task that waits for the stream's end; NULL: none */
    struct timer patience; /* of a stream that closes: see stream.c and linger.c */
    struct lingering linger; /* the last phase of closing */
    struct guest guest;      /* the loop's list of its streams */

    struct async_stream **holder; /* its server's pointer to it, cleared by the close; NULL: none */
};

/*
 * Sends what is pending, as much as the kernel takes; a stream that closes may be gone afterwards.
 */
void asyncp_output_flush(struct async_stream *stream);

/* Takes those bytes, or as much of them as the kernel does not take at once. 0 or -errno. */
int asyncp_output_write(struct async_stream *stream, const void *data, size_t size);

/*
 * Drops what is pending; every write says that from now on, and every read that would have to wait.
 */
void asyncp_output_fail(struct async_stream *stream, int error);

/*
 * Remembers an error of the socket. Returns what the program is told: the first error, instead of
 * an EPIPE after it.
 */
int asyncp_stream_note_error(struct async_stream *stream, int error);

/* Makes the call the only one that may write. 0; -EBUSY, with its sentence. */
int asyncp_writer_begin(struct async_stream *stream, struct writer *writer, const char *call);

/* Ends that. The stream may be gone. */
void asyncp_writer_end(struct async_stream *stream, struct writer *writer);

/* Whether the layer keeps something that goes out when more has come from the peer. */
static inline bool layer_holds(const struct async_stream *stream)
{
    return stream->layer != NULL && stream->layer->held != NULL &&
           stream->layer->held(stream->layer_state) > 0;
}

/* Whether all that was written has gone, or never will. */
static inline bool output_is_done(const struct async_stream *stream)
{
    return stream->write_error != 0 || (stream->pending == 0 && !layer_holds(stream));
}

/* Drops what was received. */
void asyncp_input_drop(struct async_stream *stream);

/*
 * One try to receive from the socket itself: how many bytes came, 0 at the end, -EAGAIN, or why it
 * is gone.
 */
int asyncp_input_receive(struct async_stream *stream, void *buffer, size_t size);

/*
 * For select: 0 if a read would not wait, -EAGAIN if it would; -EBUSY, -ENOMEM. A change of that
 * wakes the watchers.
 */
int asyncp_stream_try(struct async_stream *stream);

/*
 * Waits until a try may do, or other tasks had their turn; sends what was gathered first. 0 or
 * -errno.
 */
int asyncp_input_wait(struct async_loop *loop, struct async_stream *stream, const char *call);

/*
 * Reads through the layer, which may read and answer a bounded amount for that. As
 * asyncp_input_receive.
 */
int asyncp_layer_receive(struct async_stream *stream, void *buffer, size_t size);

enum { MOST_ANSWERS = 16 * 1024 };

/* Whether the layer has answered so much that the peer must take some of it first. */
static inline bool layer_must_pause(const struct async_stream *stream)
{
    return stream->answers > MOST_ANSWERS && stream->pending > stream->low &&
           stream->write_error == 0;
}

/*
 * For a stream that closes: reads through the layer, and drops what comes, so that what it holds
 * goes out.
 */
void asyncp_layer_release(struct async_stream *stream);

/* Writes through the layer; an error is the end of writing. 0 or -errno. */
int asyncp_layer_write(struct async_stream *stream, const void *data, size_t size);

/* Has the layer say goodbye, if there is one. 0 or -errno. */
int asyncp_layer_finish(struct async_stream *stream);
void asyncp_layer_free(struct async_stream *stream);

/* A stream of a connected socket that does not block, of that domain. 0 or -errno. */
int asyncp_stream_make(struct async_loop *loop, struct async_stream **out, int fd, int domain);

/* Its reader finds the end, and the peer does after what is pending; it is still to be closed. */
void asyncp_stream_hang_up(struct async_stream *stream);

/*
 * Everything has gone that a stream which closes had to send: it ends, now or after a lingering
 * close.
 */
void asyncp_stream_sent(struct async_stream *stream);
void asyncp_stream_end(struct async_stream *stream);

/* Drops what has come for a closing stream that still sends. */
void asyncp_linger_hear(struct async_stream *stream);

/*
 * Begins the lingering close of a stream that has sent everything. false: there is none; the stream
 * can end now.
 */
bool asyncp_linger_begin(struct async_stream *stream);

/* Goes on with it, after a change of the socket or of time; the stream may be gone afterwards. */
void asyncp_linger_continue(struct async_stream *stream);

/* Has the stream flushed, or its lingering close continued, at the end of the iteration. */
static inline void stream_put_off(struct async_stream *stream)
{
    if (stream->gathered)
        return;
    stream->gathered = true;
    list_append(&stream->loop->deferred, &stream->flush.link);
}

/* Takes that back. */
static inline void stream_take_back(struct async_stream *stream)
{
    if (stream->gathered)
        list_remove(&stream->flush.link);
    stream->gathered = false;
}

/* Dies with a sentence unless the stream is one that can be used here. */
static inline void stream_check(const struct async_stream *stream, const char *call)
{
    ENSURE(stream != NULL, "%s: the stream is NULL", call);
    if (unlikely(stream->loop != asyncp_current))
        asyncp_wrong_loop(stream->loop, call, "the stream");
    ENSURE(!stream->closing, "%s: the stream was closed before", call);
}

#endif
