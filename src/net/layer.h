/*
 * net/layer.h: the bytes of the program in both directions, with or without a layer (TLS, for
 * example) between them and the transport.
 */
#ifndef NET_LAYER_H
#define NET_LAYER_H

#include "net/transport.h"
#include <asyncio/layer.h>

/* Only layer.[ch] touch the fields, but for the transport, which is the transport's. */
struct layer {
    struct async_transport transport; /* first: a stream and its transport have one address */
    const async_stream_layer *calls;  /* NULL: bytes pass unchanged */
    void *state;
    struct block *leftover; /* received before the layer was set, for it to read first; or NULL */
    size_t budget;          /* bytes the layer may still read before other tasks run */
    int read_error;         /* every read returns it; 0: none */
    bool read_has_ended;    /* every read returns 0 */
    bool was_hung_up;       /* by asyncp_layer_hang_up: the peer may still send */
};

/*
 * One try to read for the program: how many bytes; 0: the end; -EAGAIN; -ENOMEM; or an error, which
 * every later read returns.
 */
int asyncp_layer_receive(struct layer *layer, void *buffer, size_t size);

/* Takes all bytes. 0 or -errno; an error of a layer ends writing. */
int asyncp_layer_write(struct layer *layer, const void *data, size_t size);

/* The same for parts of `size` bytes together, which is not 0. */
int asyncp_layer_writev(struct layer *layer, const struct iovec *parts, int count, size_t size);

/* The program's output has ended: the layer writes its last bytes. 0 or -errno. */
int asyncp_layer_finish(struct layer *layer);

/*
 * After asyncp_layer_finish: has the peer find the end when nothing is pending. A layer has said it
 * itself.
 */
void asyncp_layer_end(struct layer *layer);

/* Waits until another asyncp_layer_receive is worthwhile; flushes first. 0 or -errno. Switches. */
int asyncp_layer_wait(struct layer *layer, const char *call);

/* Sets a layer, which is given the leftover block (NULL: none) to read first. */
void asyncp_layer_set(struct layer *layer, const async_stream_layer *calls, void *state,
                      struct block *leftover);

/*
 * For a stream that closes while the layer holds bytes: reads through the layer and drops the
 * input, so the held bytes are sent. If they can no longer be sent, writing fails.
 */
void asyncp_layer_release(struct layer *layer);

void asyncp_layer_free(struct layer *layer);

/* The reader finds the end, whether or not the peer has ended. */
void asyncp_layer_hang_up(struct layer *layer);

/* Every read returns the error from now on. */
static inline void layer_fail_reading(struct layer *layer, int error)
{
    layer->read_error = error;
}

static inline bool layer_is_set(const struct layer *layer)
{
    return layer->calls != NULL;
}

/* The state of a layer with these calls, else NULL. */
static inline void *layer_state(const struct layer *layer, const async_stream_layer *calls)
{
    return layer->calls == calls ? layer->state : NULL;
}

/* Whether the layer holds output until more input has come from the peer. */
static inline bool layer_holds(const struct layer *layer)
{
    return layer->calls != NULL && layer->calls->held != NULL &&
           layer->calls->held(layer->state) > 0;
}

/* Whether all output is sent, or never will be. */
static inline bool layer_has_sent(const struct layer *layer)
{
    return transport_write_error(&layer->transport) != 0 ||
           (transport_pending(&layer->transport) == 0 && !layer_holds(layer));
}

/* Why every read fails; 0: it does not. */
static inline int layer_read_error(const struct layer *layer)
{
    return layer->read_error;
}

/* Whether reads find the end. */
static inline bool layer_has_ended(const struct layer *layer)
{
    return layer->read_has_ended;
}

/* Whether the peer has ended its side of the connection. */
static inline bool layer_peer_has_ended(const struct layer *layer)
{
    return transport_has_ended(&layer->transport) || (layer->read_has_ended && !layer->was_hung_up);
}

#endif
