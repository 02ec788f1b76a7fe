/*
 * streams.h: shared by tests of streams: two streams that are connected, and a server on loopback.
 */
#ifndef TEST_STREAMS_H
#define TEST_STREAMS_H

#include "run/runner.h"

#include <sys/socket.h>
#include <unistd.h>

struct pair {
    async_stream *here;  /* the stream under test */
    async_stream *there; /* its peer */
};

ASYNC_UNUSED static struct pair new_pair(void)
{
    struct pair pair;
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(async_stream_new(&pair.here, ends[0]), 0);
    CHECK_EQ(async_stream_new(&pair.there, ends[1]), 0);
    return pair;
}

ASYNC_UNUSED static void close_pair(struct pair pair)
{
    async_stream_close(pair.here);
    async_stream_close(pair.there);
}

/* A server's handler: echoes. */
ASYNC_UNUSED static int serve_echo(async_stream *stream, void *unused)
{
    const char *data;
    int size;
    (void)unused;
    while ((size = async_stream_borrow(stream, &data)) > 0) {
        ASYNC_TRY(async_stream_write(stream, data, (size_t)size));
        ASYNC_TRY(async_stream_drain(stream));
    }
    return size;
}

ASYNC_UNUSED static async_server *new_server(async_serve *serve, void *argument)
{
    async_server *server;
    CHECK_EQ(async_start_server(&server, serve, argument, "127.0.0.1", 0, NULL), 0);
    return server;
}

ASYNC_UNUSED static async_stream *new_client(const async_server *server)
{
    async_stream *stream;
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", async_server_port(server), NULL), 0);
    return stream;
}

/* A server's part: sends one word and ends. */
ASYNC_UNUSED static int serve_hello(async_stream *stream, void *unused)
{
    (void)unused;
    return async_stream_write(stream, "hello", 5);
}

/* ---- coroutines on a stream ----------------------------------------------------------------- */

ASYNC_UNUSED static int drain_stream(async_stream *stream)
{
    return async_stream_drain(stream);
}
async_fn(drain_stream, async_stream *);

ASYNC_UNUSED static int close_stream(async_stream *stream)
{
    return async_stream_wait_closed(stream);
}
async_fn(close_stream, async_stream *);

ASYNC_UNUSED static int read_one_byte(async_stream *stream)
{
    char byte;
    return async_stream_read(stream, &byte, 1);
}
async_fn(read_one_byte, async_stream *);

#endif
