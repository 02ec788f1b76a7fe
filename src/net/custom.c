/*
 * net/custom.c: streams whose bytes go through functions of libasyncio-test (asyncio/hooks.h). The
 * poller does not know their descriptors; changes are reported by asyncp_stream_ready.
 */
#include "net/stream.h"
#include "poll/poll.h"

int asyncp_stream_of_medium(async_stream **stream, int fd, const struct asyncp_medium *calls,
                            void *state)
{
    const struct medium medium = medium_of_calls(calls, state);
    return asyncp_stream_make_of(asyncp_current, stream, fd, &medium);
}

void asyncp_stream_ready(async_stream *stream, bool readable, bool writable)
{
    struct async_transport *transport = stream_transport(stream);
    if (!loop_is_inherited(transport_loop(transport)))
        asyncp_transport_change(transport, (readable ? SOURCE_READABLE : 0u) |
                                               (writable ? SOURCE_WRITABLE : 0u));
}

size_t asyncp_stream_waits(const async_stream *stream)
{
    return asyncp_transport_waits(&stream->layer.transport);
}
