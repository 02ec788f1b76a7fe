/*
 * io/layer.c: what a layer sees of its stream: bytes of the socket, in both directions.
 */
#include "io/stream.h"
#include <asyncio/time.h>
#include <limits.h>

enum { HANDSHAKE_SECONDS = 60 };

int async_stream_set_layer(async_stream *stream, const async_stream_layer *calls, void *state)
{
    stream_check(stream, "async_stream_set_layer");
    if (calls == NULL)
        return -EINVAL;
    if (stream->layer != NULL || channel_is_taken(&stream->channel, SIDE_READ))
        return -EBUSY;
    if (stream->lent && stream->input != NULL && block_unread(stream->input) == 0)
        async__input_drop(stream);
    stream->early = stream->input;
    stream->input = NULL;
    stream->lent = false;
    stream->layer = calls;
    stream->layer_state = state;
    return 0;
}

void *async_stream_layer_state(const async_stream *stream, const async_stream_layer *calls)
{
    stream_check(stream, "async_stream_layer_state");
    return stream->layer == calls ? stream->layer_state : NULL;
}

static int read_early(async_stream *stream, void *buffer, size_t size)
{
    struct block *early = stream->early;
    if (size > block_unread(early))
        size = block_unread(early);
    memcpy(buffer, early->bytes + early->start, size);
    early->start += (uint32_t)size;
    if (block_unread(early) == 0) {
        async__block_give(&stream->loop->blocks, early);
        stream->early = NULL;
    }
    return (int)size;
}

int async_layer_read(async_stream *below, void *buffer, size_t size)
{
    if (below->read_error != 0 || below->at_end) /* the stream was hung up, or aborted */
        return below->read_error;
    if (size > INT_MAX)
        size = INT_MAX;
    return below->early != NULL ? read_early(below, buffer, size) : async__input_receive(below, buffer, size);
}

int async_layer_write(async_stream *below, const void *data, size_t size)
{
    return below->write_error != 0 || size == 0 ? below->write_error : async__output_write(below, data, size);
}

int async_layer_wait(async_stream *below)
{
    struct async_loop *loop = loop_enter("async_layer_wait");
    stream_check(below, "async_layer_wait");
    return async__input_wait(loop, below, "async_layer_wait");
}

int async_start_tls(async_stream *stream, async_tls *tls, const char *server_name)
{
    const struct async_loop *loop = loop_enter("async_start_tls");
    stream_check(stream, "async_start_tls");
    if (tls == NULL || tls->start == NULL)
        return -EINVAL;
    return loop->current->refused ? async__refused(loop_enter("async_start_tls"))
                                  : async_timeout(HANDSHAKE_SECONDS, tls->start(tls, stream, server_name));
}

int async__layer_write(struct async_stream *stream, const void *data, size_t size)
{
    int result = stream->layer->write(stream->layer_state, stream, data, size);
    if (result < 0 && stream->write_error == 0) {
        async__output_fail(stream, result);
        async__wake_all(&stream->drainers, result);
    }
    return result;
}

int async__layer_finish(struct async_stream *stream)
{
    return stream->layer != NULL && stream->write_error == 0
               ? stream->layer->finish(stream->layer_state, stream)
               : 0;
}

void async__layer_free(struct async_stream *stream)
{
    if (stream->early != NULL)
        async__block_give(&stream->loop->blocks, stream->early);
    if (stream->layer != NULL)
        stream->layer->free(stream->layer_state);
}
