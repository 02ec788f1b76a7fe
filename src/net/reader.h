/*
 * net/reader.h: input that was received and not read.
 */
#ifndef NET_READER_H
#define NET_READER_H

#include "base/block.h"

struct async_stream;

struct reader {
    struct block *input; /* NULL: nothing is unread, nor borrowed */
    bool lent;           /* the program may use bytes of the input that were read */
};

/* Bytes that were received and not read. */
static inline size_t reader_unread(const struct reader *reader)
{
    return reader->input != NULL ? block_unread(reader->input) : 0;
}

/* Drops the unread input. */
void asyncp_reader_drop(struct async_stream *stream);

/* Takes the unread input out, for a layer; NULL if no input is unread. */
struct block *asyncp_reader_take(struct async_stream *stream);

/*
 * For async_select: 0 if a read would not wait; -EAGAIN if it would: when that changes, the
 * transport's watchers are woken; -EBUSY; -ENOMEM.
 */
int asyncp_reader_try(struct async_stream *stream);

#endif
