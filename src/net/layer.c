/*
 * net/layer.c: what a layer sees of its stream: bytes of the socket, in both directions.
 */
#include "sched/pace.h"
#include "net/stream.h"
#include <asyncio/time.h>
#include <limits.h>

enum { HANDSHAKE_SECONDS = 60 };
enum {
    LAYER_BUDGET = 64 * 1024
}; /* bytes of the socket for one read of the program's; a TLS record has 16 KiB */

static bool is_sending_file(const struct async_stream *stream)
{
    return stream->writer != NULL && stream->writer->is_file;
}

int async_stream_set_layer(async_stream *stream, const async_stream_layer *calls, void *state)
{
    stream_check(stream, "async_stream_set_layer");
    if (calls == NULL)
        return -EINVAL;
    if (stream->layer != NULL || pollable_is_taken(&stream->pollable, SIDE_READ) ||
        is_sending_file(stream))
        return -EBUSY;
    if (stream->lent && stream->input != NULL && block_unread(stream->input) == 0)
        asyncp_input_drop(stream);
    stream->early = stream->input;
    stream->input = NULL;
    stream->lent = false;
    stream->at_end =
        stream->hung_up; /* the end of the socket is for the layer to read, behind that */
    stream->layer_budget = LAYER_BUDGET;
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
        asyncp_block_give(&stream->loop->blocks, early);
        stream->early = NULL;
    }
    return (int)size;
}

/* What has come, as far as the budget goes. */
static int read_within_budget(struct async_stream *stream, void *buffer, size_t size)
{
    if (stream->early != NULL)
        return read_early(stream, buffer, size);
    return stream->socket_ended ? 0 : asyncp_input_receive(stream, buffer, size);
}

int async_layer_read(async_stream *below, void *buffer, size_t size)
{
    if (below->read_error != 0 || below->at_end) /* the stream was hung up, or aborted */
        return below->read_error;
    if (size == 0)
        return -EINVAL;
    if (below->layer_budget == 0 || layer_must_pause(below))
        return -EAGAIN;
    if (size > below->layer_budget)
        size = below->layer_budget;
    int result = read_within_budget(below, buffer, size);
    below->layer_budget -= result > 0 ? (size_t)result : 0;
    return result;
}

int asyncp_layer_receive(struct async_stream *stream, void *buffer, size_t size)
{
    stream->layer_budget = LAYER_BUDGET;
    stream->in_layer_read = true;
    int result = stream->layer->read(stream->layer_state, stream, buffer, size);
    stream->in_layer_read = false;
    return result;
}

int async_layer_write(async_stream *below, const void *data, size_t size)
{
    if (below->write_error != 0 || size == 0)
        return below->write_error;
    below->answers += below->in_layer_read ? size : 0;
    return asyncp_output_write(below, data, size);
}

int async_layer_wait(async_stream *below)
{
    struct async_loop *loop = loop_enter("async_layer_wait");
    stream_check(below, "async_layer_wait");
    below->layer_budget = LAYER_BUDGET;
    return asyncp_input_wait(loop, below, "async_layer_wait");
}

int async_start_tls(async_stream *stream, async_tls *tls, const char *server_name)
{
    struct async_loop *loop = loop_enter("async_start_tls");
    struct writer writer;
    stream_check(stream, "async_start_tls");
    if (tls == NULL || tls->start == NULL)
        return -EINVAL;
    if (loop->current->refused)
        return asyncp_refused(loop);
    ASYNC_TRY(asyncp_writer_begin(stream, &writer, "async_start_tls"));
    int result = async_timeout(HANDSHAKE_SECONDS, tls->start(tls, stream, server_name));
    result = paced(loop, PACE_KERNEL, result);
    asyncp_writer_end(stream, &writer);
    return result;
}

int asyncp_layer_write(struct async_stream *stream, const void *data, size_t size)
{
    int result = stream->layer->write(stream->layer_state, stream, data, size);
    if (result < 0 && stream->write_error == 0) {
        stream->is_cut = true; /* a part of it may have gone */
        asyncp_output_fail(stream, result);
        asyncp_wake_all(&stream->drainers, result);
    }
    return result;
}

int asyncp_layer_finish(struct async_stream *stream)
{
    return stream->layer != NULL && stream->write_error == 0
               ? stream->layer->finish(stream->layer_state, stream)
               : 0;
}

/* The rest will not come after an end or an error: what the layer holds is lost. */
void asyncp_layer_release(struct async_stream *stream)
{
    enum { READS_IN_A_ROW = 8 };
    struct block *block = asyncp_block_take(&stream->loop->blocks);
    int result = block != NULL ? 1 : -ENOMEM;
    for (int tries = 0; tries < READS_IN_A_ROW && result > 0 && layer_holds(stream); tries++)
        result = asyncp_layer_receive(stream, block->bytes, block->capacity);
    if (block != NULL)
        asyncp_block_give(&stream->loop->blocks, block);
    if (layer_holds(stream) && result <= 0 && result != -EAGAIN)
        asyncp_output_fail(stream, result < 0 ? result : -ECONNRESET);
    else if (layer_holds(stream) && pollable_is_ready(&stream->pollable, SIDE_READ))
        stream_put_off(stream);
}

void asyncp_layer_free(struct async_stream *stream)
{
    if (stream->early != NULL)
        asyncp_block_give(&stream->loop->blocks, stream->early);
    if (stream->layer != NULL)
        stream->layer->free(stream->layer_state);
}
