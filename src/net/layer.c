/*
 * net/layer.c: the calls of a layer, and the calls made by it. One read of the program's may cost a
 * layer much work and yield nothing, so a layer may read a bounded number of bytes for it; then
 * other tasks run.
 */
#include "net/layer.h"

enum { READ_BUDGET = 64 * 1024 }; /* a TLS record has 16 KiB */

/* ---- calls by the layer --------------------------------------------------------------------- */

static int read_leftover(struct layer *layer, void *buffer, size_t size)
{
    struct block *leftover = layer->leftover;
    if (size > block_unread(leftover))
        size = block_unread(leftover);
    memcpy(buffer, leftover->bytes + leftover->start, size);
    leftover->start += (uint32_t)size;
    if (block_unread(leftover) == 0) {
        asyncp_block_give(&transport_loop(&layer->transport)->blocks, leftover);
        layer->leftover = NULL;
    }
    return (int)size;
}

int async_transport_read(async_transport *transport, void *buffer, size_t size)
{
    struct layer *layer = CONTAINER_OF(transport, struct layer, transport);
    if (layer->read_error != 0 || layer->read_has_ended) /* the stream was aborted or hung up */
        return layer->read_error;
    if (size == 0)
        return async_fail(-EINVAL, "async_transport_read: size is 0");
    if (layer->budget == 0 || transport_must_pause(transport))
        return -EAGAIN;
    if (size > layer->budget)
        size = layer->budget;
    int result = 0;
    if (layer->leftover != NULL)
        result = read_leftover(layer, buffer, size);
    else if (!transport_has_ended(transport))
        result = asyncp_transport_receive(transport, buffer, size);
    layer->budget -= result > 0 ? (size_t)result : 0;
    return result;
}

int async_transport_write(async_transport *transport, const void *data, size_t size)
{
    int error = transport_write_error(transport);
    return error != 0 || size == 0 ? error : asyncp_transport_write(transport, data, size);
}

int async_transport_wait(async_transport *transport)
{
    loop_enter("async_transport_wait");
    transport_check(transport, "async_transport_wait");
    struct layer *layer = CONTAINER_OF(transport, struct layer, transport);
    layer->budget = READ_BUDGET;
    return asyncp_layer_wait(layer, "async_transport_wait");
}

/* ---- reading -------------------------------------------------------------------------------- */

static int receive_through_layer(struct layer *layer, void *buffer, size_t size)
{
    layer->budget = READ_BUDGET;
    transport_set_answering(&layer->transport, true);
    int result = layer->calls->read(layer->state, &layer->transport, buffer, size);
    transport_set_answering(&layer->transport, false);
    return result;
}

/* 0: the end; or why every read fails. */
static int refuse_read(const struct layer *layer)
{
    if (!transport_can_read(&layer->transport))
        return async_fail(-EBADF, "this stream is for writing only");
    return layer->read_error;
}

int asyncp_layer_receive(struct layer *layer, void *buffer, size_t size)
{
    if (layer->read_error != 0 || layer->read_has_ended)
        return refuse_read(layer);
    int result = layer->calls == NULL ? asyncp_transport_receive(&layer->transport, buffer, size)
                                      : receive_through_layer(layer, buffer, size);
    if (result == 0)
        layer->read_has_ended = true;
    else if (result < 0 && result != -EAGAIN && result != -ENOMEM) /* those two are temporary */
        layer->read_error = result;
    return result;
}

/* If the socket is ready, a layer that read nothing has used up its budget. */
int asyncp_layer_wait(struct layer *layer, const char *call)
{
    return asyncp_transport_wait(&layer->transport, layer->calls != NULL, call);
}

void asyncp_layer_hang_up(struct layer *layer)
{
    layer->was_hung_up = !layer->read_has_ended;
    layer->read_has_ended = true;
    asyncp_transport_wake_readers(&layer->transport);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* After an error, a part of the bytes may have gone. */
static int write_through_layer(struct layer *layer, const void *data, size_t size)
{
    struct async_transport *transport = &layer->transport;
    int result = layer->calls->write(layer->state, transport, data, size);
    if (result < 0 && transport_write_error(transport) == 0) {
        transport_cut(transport);
        asyncp_transport_fail(transport, result);
    }
    return result;
}

int asyncp_layer_write(struct layer *layer, const void *data, size_t size)
{
    return layer->calls == NULL ? asyncp_transport_write(&layer->transport, data, size)
                                : write_through_layer(layer, data, size);
}

int asyncp_layer_writev(struct layer *layer, const struct iovec *parts, int count, size_t size)
{
    if (layer->calls == NULL)
        return asyncp_transport_writev(&layer->transport, parts, size);
    int result = 0;
    for (int i = 0; i < count && result == 0; i++)
        if (parts[i].iov_len > 0)
            result = write_through_layer(layer, parts[i].iov_base, parts[i].iov_len);
    return result;
}

int asyncp_layer_finish(struct layer *layer)
{
    if (layer->calls == NULL || transport_write_error(&layer->transport) != 0)
        return 0;
    return layer->calls->finish(layer->state, &layer->transport);
}

void asyncp_layer_end(struct layer *layer)
{
    if (layer->calls == NULL)
        asyncp_transport_end(&layer->transport);
    else
        asyncp_transport_flush(&layer->transport);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* If the end of the socket was read already, the layer reads it after the leftover. */
void asyncp_layer_set(struct layer *layer, const async_stream_layer *calls, void *state,
                      struct block *leftover)
{
    layer->calls = calls;
    layer->state = state;
    layer->leftover = leftover;
    layer->budget = READ_BUDGET;
    layer->read_has_ended = layer->was_hung_up;
}

/* After an end or an error no more input comes: the bytes held by the layer are lost. */
void asyncp_layer_release(struct layer *layer)
{
    enum { MAX_READS = 8 };
    struct async_transport *transport = &layer->transport;
    struct block_pool *pool = &transport_loop(transport)->blocks;
    struct block *block = asyncp_block_take(pool);
    int result = block != NULL ? 1 : -ENOMEM;
    for (int reads = 0; reads < MAX_READS && result > 0 && layer_holds(layer); reads++)
        result = receive_through_layer(layer, block->bytes, block->capacity);
    if (block != NULL)
        asyncp_block_give(pool, block);
    if (layer_holds(layer) && result <= 0 && result != -EAGAIN)
        asyncp_transport_fail(transport, result < 0 ? result : -ECONNRESET);
    else if (layer_holds(layer) && transport_is_readable(transport))
        transport_put_off(transport);
}

void asyncp_layer_free(struct layer *layer)
{
    if (layer->leftover != NULL)
        asyncp_block_give(&transport_loop(&layer->transport)->blocks, layer->leftover);
    if (layer->calls != NULL)
        layer->calls->free(layer->state);
}
