/*
 * net/sendfile.c: a file sent through a stream: by the kernel alone, or, where a layer has to see
 * the bytes, a block at a time. It begins when all that was written before was sent, and no other
 * call may write until it returns.
 *
 * Invariant: after each wait the stream may be gone, and `writer.gone` says so before anything of
 * it is touched.
 */
#include "net/stream.h"
#include "sys/socket.h"
#include <limits.h>
#include <poll.h>

static const char call[] = "async_stream_sendfile";

struct part {
    struct writer writer;        /* of the stream */
    struct async_stream *stream; /* the destination */
    int file;                    /* the source */
    int64_t offset;              /* of the next byte */
    size_t left;                 /* bytes to be sent */
};

/* What a wait returned; while it went on the stream may have been closed. */
static int waited(const struct part *part, int result)
{
    return part->writer.gone && result == 0 ? -EBADF : result;
}

static int wait_for_writable(struct async_loop *loop, struct part *part)
{
    return waited(part, asyncp_pollable_wait(loop, &part->stream->pollable, SIDE_WRITE, call));
}

/* The kernel has no room: waits until it has. */
static int wait_for_room(struct async_loop *loop, struct part *part)
{
    struct pollable *pollable = &part->stream->pollable;
    struct pollfd polled = {.fd = pollable->source.fd, .events = POLLOUT};
    int result = asyncp_sys_poll(&polled, 1, 0);
    if (result !=
        0) /* it has by now, and there will be no change to be told of; or the kernel cannot say */
        return result < 0 ? result : 0;
    pollable_drained(pollable, SIDE_WRITE);
    return wait_for_writable(loop, part);
}

static int wait_until_sent(struct async_loop *loop, struct part *part)
{
    struct async_stream *stream = part->stream;
    while (stream->pending > 0) {
        asyncp_output_flush(stream);
        int result = stream->pending > 0 ? wait_for_writable(loop, part) : 0;
        if (result < 0)
            return result;
    }
    return stream->write_error;
}

/* An error of the file, and not of the connection. */
static bool is_about_file(int error)
{
    return error == -EINVAL || error == -EBADF || error == -EIO || error == -EOVERFLOW ||
           error == -ENOSYS;
}

static int send_directly(struct part *part)
{
    struct async_stream *stream = part->stream;
    size_t size = part->left < INT_MAX ? part->left : INT_MAX;
    int result = asyncp_sys_sendfile(stream->pollable.source.fd, part->file, &part->offset, size);
    if (result >= 0 || result == -EAGAIN || result == -ENOMEM || is_about_file(result))
        return result;
    result = asyncp_stream_note_error(stream, result);
    asyncp_output_fail(stream, result);
    return result;
}

static int send_through_layer(struct part *part)
{
    struct async_stream *stream = part->stream;
    struct block *block = asyncp_block_take(&stream->loop->blocks);
    if (block == NULL)
        return -ENOMEM;
    size_t size = part->left < block->capacity ? part->left : block->capacity;
    int result = (int)asyncp_sys_read_at(part->file, block->bytes, size, part->offset);
    if (result > 0) {
        int written = asyncp_layer_write(stream, block->bytes, (size_t)result);
        part->offset += result;
        result = written < 0 ? written : result;
    }
    asyncp_block_give(&stream->loop->blocks, block);
    return result;
}

/* Some of it: how many bytes, 0 at the file's end. */
static int send_some(struct async_loop *loop, struct part *part)
{
    struct async_stream *stream = part->stream;
    int result = waited(part, pollable_pace(loop, &stream->pollable, SIDE_WRITE, PACE_KERNEL));
    if (result == 0)
        result = wait_until_sent(loop, part);
    while (result == 0) {
        if (stream->layer != NULL)
            return send_through_layer(part);
        result = send_directly(part);
        if (result != -EAGAIN)
            return result;
        result = wait_for_room(loop, part);
    }
    return result;
}

/* All of it, or up to the file's end. How many bytes, or -errno. */
static int send_part(struct async_loop *loop, struct part *part)
{
    size_t count = part->left;
    while (part->left > 0) {
        int result = send_some(loop, part);
        if (result < 0)
            return result;
        if (result == 0)
            break;
        part->left -= (size_t)result;
    }
    return (int)(count - part->left);
}

int async_stream_sendfile(async_stream *stream, int file, int64_t offset, size_t count)
{
    struct async_loop *loop = loop_enter(call);
    struct part part = {.stream = stream, .file = file, .offset = offset, .left = count};
    stream_check(stream, call);
    if (loop->current->refused)
        return asyncp_refused(loop);
    if (count > INT_MAX || offset < 0)
        return -EINVAL;
    ASYNC_TRY(asyncp_writer_begin(stream, &part.writer, call));
    part.writer.is_file = true;
    int result = paced(loop, PACE_KERNEL,
                       send_part(loop, &part)); /* one of no bytes did not come to a pace */
    asyncp_writer_end(stream, &part.writer);
    return result;
}
