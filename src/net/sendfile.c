/*
 * net/sendfile.c: a file sent through a stream: by the kernel alone, or, where a layer has to see
 * the bytes, a block at a time. It begins when all earlier output was sent, and no other call may
 * write until it returns.
 *
 * Invariant: after each wait the stream may be gone; `exclusive.stream_gone` is checked before
 * anything of the stream is touched.
 */
#include "net/stream.h"
#include "sys/file.h"
#include <limits.h>

static const char call[] = "async_stream_sendfile";

struct file_part {
    struct exclusive_write exclusive;
    struct async_stream *stream;
    int file;
    int64_t offset; /* of the next byte */
    size_t left;    /* bytes to be sent */
};

/* The result of a wait, during which the stream may have been closed. */
static int check_stream_gone(const struct file_part *part, int result)
{
    return part->exclusive.stream_gone && result == 0 ? -EBADF : result;
}

static int wait_until_sent(const struct file_part *part)
{
    struct async_transport *transport = stream_transport(part->stream);
    while (transport_pending(transport) > 0) {
        asyncp_transport_flush(transport);
        if (transport_pending(transport) == 0)
            break;
        int result = check_stream_gone(part, asyncp_transport_wait_writable(transport, call));
        if (result < 0)
            return result;
    }
    return transport_write_error(transport);
}

static int send_block_through_layer(struct file_part *part)
{
    struct layer *layer = &part->stream->layer;
    struct block_pool *pool = &transport_loop(&layer->transport)->blocks;
    struct block *block = asyncp_block_take(pool);
    if (block == NULL)
        return -ENOMEM;
    size_t size = part->left < block->capacity ? part->left : block->capacity;
    int result = (int)asyncp_sys_pread(part->file, block->bytes, size, part->offset);
    if (result > 0) {
        int written = asyncp_layer_write(layer, block->bytes, (size_t)result);
        part->offset += result;
        result = written < 0 ? written : result;
    }
    asyncp_block_give(pool, block);
    return result;
}

/* Some bytes: how many; 0: the file has ended. */
static int send_file_bytes(struct file_part *part)
{
    struct async_transport *transport = stream_transport(part->stream);
    int result = check_stream_gone(part, transport_pace(transport, SIDE_WRITE, PACE_KERNEL));
    if (result == 0)
        result = wait_until_sent(part);
    while (result == 0) {
        if (layer_is_set(&part->stream->layer) || !transport_is_socket(transport))
            return send_block_through_layer(part);
        result = asyncp_transport_sendfile(transport, part->file, &part->offset, part->left);
        if (result != -EAGAIN)
            return result;
        result = check_stream_gone(part, asyncp_transport_wait_for_room(transport, call));
    }
    return result;
}

/* All of it, or up to the file's end. How many bytes, or -errno. */
static int send_file_part(struct file_part *part)
{
    size_t count = part->left;
    while (part->left > 0) {
        int result = send_file_bytes(part);
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
    struct file_part part = {.stream = stream, .file = file, .offset = offset, .left = count};
    stream_check(stream, call);
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (count > INT_MAX || offset < 0)
        return async_fail(-EINVAL, "%s: the offset is negative, or count is more than INT_MAX",
                          call);
    ASYNC_TRY(asyncp_writer_begin(stream, &part.exclusive, call));
    part.exclusive.is_file = true;
    int result = send_file_part(&part);
    result = paced(loop, PACE_KERNEL, result); /* a file of no bytes has taken no steps yet */
    asyncp_writer_end(stream, &part.exclusive);
    return result;
}
