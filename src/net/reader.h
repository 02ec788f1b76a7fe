/*
 * net/reader.h: received input, not yet read.
 */
#ifndef NET_READER_H
#define NET_READER_H

#include "base/block.h"

struct async_stream;

struct reader {
    struct block *input; /* NULL: nothing is unread, nor borrowed */
    bool lent;           /* the program may use bytes already read from the input */
};

/* The number of received bytes not yet read. */
static inline size_t reader_unread(const struct reader *reader)
{
    return reader->input != NULL ? block_unread(reader->input) : 0;
}

/* Drops the unread input. */
void asyncp_reader_drop(struct async_stream *stream);

/* Takes the unread input out, for a layer; NULL if no input is unread. */
struct block *asyncp_reader_take(struct async_stream *stream);

/*
 * For async_select: 0 if a read would not wait; -EAGAIN if it would: the transport's watchers are
 * woken when this changes; -EBUSY; -ENOMEM.
 */
int asyncp_reader_try(struct async_stream *stream);

#endif
