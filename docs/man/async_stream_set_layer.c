/*
 * async_stream_set_layer.c: put something between a stream and its socket
 *
 * Pages: async_stream_set_layer async_stream_layer async_stream_layer_state
 * async_stream_transport async_transport async_transport_read
 * async_transport_write async_transport_wait async_tls
 */
#include <asyncio.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A layer that shouts: what is written goes out in capitals. */
static int read_plain(void *state, async_transport *below, void *buffer,
                      size_t size)
{
    (void)state;
    return async_transport_read(below, buffer, size); /* -EAGAIN: not yet */
}

static int write_loud(void *state, async_transport *below, const void *data,
                      size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char loud = (char)toupper(((const unsigned char *)data)[i]);
        ASYNC_TRY(async_transport_write(below, &loud, 1));
    }
    *(size_t *)state += size;
    return 0;
}

static int say_goodbye(void *state, async_transport *below)
{
    (void)state;
    return async_transport_write(below, "bye\n", 4);
}

static const async_stream_layer loud = {read_plain, write_loud, say_goodbye,
                                        free, NULL};

/* An async_tls has such a function; it may talk with the peer first. */
static int shout(async_tls *self, async_stream *stream, const char *server_name)
{
    async_transport *below = async_stream_transport(stream);
    char answer[3];
    (void)self, (void)server_name;
    ASYNC_TRY(async_transport_write(below, "hi\n", 3));
    while (async_transport_read(below, answer, 3) == -EAGAIN)
        ASYNC_TRY(async_transport_wait(below));
    size_t *count = calloc(1, sizeof *count);
    return count != NULL ? async_stream_set_layer(stream, &loud, count)
                         : -ENOMEM;
}

static int amain(void)
{
    async_tls secure = {.start = shout};
    async_stream *stream;
    char *text;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -errno;
    async_auto_stream *peer = NULL;
    ASYNC_TRY(async_stream_new(&stream, ends[0]));
    ASYNC_TRY(async_stream_new(&peer, ends[1]));
    async_stream_write(peer, "hi\n", 3);
    ASYNC_TRY(secure.start(&secure, stream, NULL));
    async_stream_printf(stream, "can you hear me?\n");
    printf("%zu bytes\n", *(size_t *)async_stream_layer_state(stream, &loud));
    async_stream_close(stream);
    ASYNC_TRY(async_stream_read_all(peer, &text, 100));
    fputs(text, stdout);
    free(text);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 17 bytes
 * hi
 * CAN YOU HEAR ME?
 * bye
 */
