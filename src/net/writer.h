/*
 * net/writer.h: the writing calls, and those that no other write may interrupt.
 */
#ifndef NET_WRITER_H
#define NET_WRITER_H

#include <stdbool.h>

struct async_stream;

/* A call that alone may write until it returns; it lies in the frame of the call. */
struct exclusive_write {
    const char *call; /* its name */
    bool is_file;     /* a sendfile: async_stream_write_eof is allowed, and comes after it */
    bool eof_follows; /* async_stream_write_eof was called */
    bool stream_gone; /* the stream was closed meanwhile and must not be touched */
};

struct writer {
    struct exclusive_write *exclusive; /* NULL: none is under way */
    bool has_ended;                    /* the program writes nothing more */
};

/* Begins an exclusive write. 0; -EBUSY; or why nothing can be written. */
int asyncp_writer_begin(struct async_stream *stream, struct exclusive_write *exclusive,
                        const char *call);

/* Ends it. The stream may be gone. */
void asyncp_writer_end(struct async_stream *stream, struct exclusive_write *exclusive);

/* The stream is closed: tells an exclusive write not to touch it any more. */
void asyncp_writer_dismiss(struct async_stream *stream);

/* The stream is closed: has its layer write its last bytes, if it has not yet. */
void asyncp_writer_finish(struct async_stream *stream);

/* The stream is for reading only. */
static inline void writer_end(struct writer *writer)
{
    writer->has_ended = true;
}

static inline bool writer_is_exclusive(const struct writer *writer)
{
    return writer->exclusive != NULL;
}

static inline bool writer_sends_file(const struct writer *writer)
{
    return writer->exclusive != NULL && writer->exclusive->is_file;
}

#endif
