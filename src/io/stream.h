/*
 * io/stream.h: what a stream is made of. Reading (input.c) and writing (output.c) touch their own halves; its life
 * (stream.c) begins and ends both.
 *
 * Invariant: a stream that is idle, with nothing unread and nothing pending, holds no block. While something is
 * pending, either its flush is put off to the end of the iteration, or it is blocked: the next change of the socket
 * continues.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "io/channel.h"
#include <asyncio/layer.h>
#include <asyncio/stream.h>

/* What every read and write touches comes first and fills three cache lines. */
struct async_stream {
    struct channel channel;  /* the socket, and who waits to read from it */
    struct async_loop *loop; /* whose stream it is */

    struct block *input; /* what was received and not read; NULL: nothing */
    struct block *first; /* what was written and not sent; NULL: nothing */
    struct block *last;  /* where more is put */
    size_t pending;      /* bytes in those */
    int read_error;      /* what every read says from now on; 0: nothing yet */
    int write_error;     /* what every write, and a read that would wait, says from now on; 0: nothing yet */
    bool at_end;         /* the peer has ended */
    bool lent;           /* the program looks at bytes of the input that are read */
    bool gathered;       /* a flush is put off */
    bool blocked;        /* the kernel takes no more for now */
    bool ends;           /* after what is pending, the peer is to find the end */
    bool ended;          /* it was told */
    bool closing;        /* it was taken, and goes when nothing is pending */
    bool lingers;        /* for that the end of the run waits a while */
    bool leaving;        /* all was sent: it waits for the peer's end, and then goes */
    bool progressed;     /* something was sent since patience was set */

    const async_stream_layer *layer; /* what all goes through; NULL: nothing */
    size_t high, low;                /* the water marks */
    struct list drainers;            /* tasks that wait until less is pending */
    struct deferred flush;           /* of what was gathered */

    struct block *early;   /* what came before there was a layer, for the layer to read; NULL: nothing */
    void *layer_state;     /* the layer's */
    struct wait *closer;   /* who waits for its end; NULL: nobody */
    struct timer patience; /* runs out if a stream that closes gets nothing sent */
    struct guest guest;    /* the loop's list of its streams */

    struct async_stream *
        *holder; /* where its server has it, to be told when the program closes it; NULL: none */
};

/* Sends what is pending, as much as the kernel takes; a stream that closes may be gone afterwards. */
void async__output_flush(struct async_stream *stream);

/* Takes those bytes, or as much of them as the kernel does not take at once. 0 or -errno. */
int async__output_write(struct async_stream *stream, const void *data, size_t size);

/* Drops what is pending; every write says that from now on, and every read that would have to wait. */
void async__output_fail(struct async_stream *stream, int error);

/* Whether all that was written has gone, or never will. */
static inline bool output_is_done(const struct async_stream *stream)
{
    return stream->pending == 0 || stream->write_error != 0;
}

/* Drops what was received. */
void async__input_drop(struct async_stream *stream);

/* One try to receive from the socket itself: how many bytes came, 0 at the end, -EAGAIN, or why it is gone. */
int async__input_receive(struct async_stream *stream, void *buffer, size_t size);

/* Waits until a try may do; before that, what was gathered is sent. 0, -ECANCELED, -EBUSY, or why that failed. */
int async__input_wait(struct async_loop *loop, struct async_stream *stream, const char *call);

/* Writes through the layer; an error is the end of writing. 0 or -errno. */
int async__layer_write(struct async_stream *stream, const void *data, size_t size);

/* Has the layer say goodbye, if there is one. 0 or -errno. */
int async__layer_finish(struct async_stream *stream);
void async__layer_free(struct async_stream *stream);

/* A stream of a connected socket that does not block, of that domain. 0 or -errno. */
int async__stream_make(struct async_loop *loop, struct async_stream **out, int descriptor, int domain);

/* Its reader finds the end, and the peer does after what is pending; it is still to be closed. */
void async__stream_hang_up(struct async_stream *stream);

/* Everything has gone that a stream which closes had to send: it goes, too, now or after the peer. */
void async__stream_sent(struct async_stream *stream);
void async__stream_end(struct async_stream *stream);

/* Dies with a sentence unless the stream is one that can be used here. */
static inline void stream_check(const struct async_stream *stream, const char *call)
{
    ENSURE(stream != NULL, "%s: the stream is NULL", call);
    ENSURE(stream->loop == async__current, "%s: the stream is another thread's", call);
    ENSURE(!stream->closing, "%s: the stream was closed before", call);
}

#endif
