/*
 * io/sendfile.c: a file sent through a stream: by the kernel alone, or, where a layer has to see the bytes, a block at
 * a time. It begins when all that was written before has gone.
 */
#include "io/stream.h"
#include "sys/socket.h"
#include <limits.h>
#include <poll.h>

struct part {
    struct async_stream *stream; /* where it goes */
    int file;                    /* where it comes from */
    off_t offset;                /* of the next byte */
    size_t left;                 /* bytes to be sent */
};

/* The kernel has no room: waits until it has. */
static int wait_for_room(struct async_loop *loop, struct async_stream *stream)
{
    struct pollfd polled = {.fd = stream->channel.source.descriptor, .events = POLLOUT};
    int result = async__sys_poll(&polled, 1, 0);
    if (result != 0) /* it has by now, and there will be no change to be told of; or nobody can say */
        return result < 0 ? result : 0;
    channel_exhausted(&stream->channel, SIDE_WRITE);
    return async__channel_wait(loop, &stream->channel, SIDE_WRITE, "async_stream_sendfile");
}

static int wait_until_sent(struct async_loop *loop, struct async_stream *stream)
{
    int result = 0;
    while (stream->pending > 0 && result == 0) {
        async__output_flush(stream);
        result = stream->pending > 0
                     ? async__channel_wait(loop, &stream->channel, SIDE_WRITE, "async_stream_sendfile")
                     : 0;
    }
    return stream->write_error != 0 ? stream->write_error : result;
}

static int send_directly(struct part *part)
{
    size_t size = part->left < INT_MAX ? part->left : INT_MAX;
    return async__sys_sendfile(part->stream->channel.source.descriptor, part->file, &part->offset, size);
}

static int send_through_layer(struct part *part)
{
    struct async_stream *stream = part->stream;
    struct block *block = async__block_take(&stream->loop->blocks);
    if (block == NULL)
        return -ENOMEM;
    size_t size = part->left < block->capacity ? part->left : block->capacity;
    int result = (int)async__sys_read_at(part->file, block->bytes, size, part->offset);
    if (result > 0) {
        int written = async__layer_write(stream, block->bytes, (size_t)result);
        part->offset += result;
        result = written < 0 ? written : result;
    }
    async__block_give(&stream->loop->blocks, block);
    return result;
}

/* Some of it: how many bytes, 0 at the file's end. */
static int send_some(struct async_loop *loop, struct part *part)
{
    int result = channel_pace(loop, &part->stream->channel, SIDE_WRITE);
    if (result == 0)
        result = wait_until_sent(loop, part->stream);
    while (result == 0) {
        if (part->stream->layer != NULL)
            return send_through_layer(part);
        result = send_directly(part);
        if (result != -EAGAIN)
            return result;
        result = wait_for_room(loop, part->stream);
    }
    return result;
}

int async_stream_sendfile(async_stream *stream, int file, off_t offset, size_t count)
{
    struct async_loop *loop = loop_enter("async_stream_sendfile");
    struct part part = {.stream = stream, .file = file, .offset = offset, .left = count};
    stream_check(stream, "async_stream_sendfile");
    if (loop->current->refused)
        return async__refused(loop);
    if (stream->ends)
        return async_fail(-EPIPE, "async_stream_sendfile after async_stream_write_eof");
    if (count > INT_MAX || offset < 0)
        return -EINVAL;
    while (part.left > 0) {
        int result = send_some(loop, &part);
        if (result < 0)
            return result;
        if (result == 0)
            break;
        part.left -= (size_t)result;
    }
    return (int)(count - part.left);
}
