/*
 * async_stream_set_layer.c: put a layer between a stream and its socket
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

/* A layer that converts what is written to upper case. */
static int read_unchanged(void *state, async_transport *below, void *buffer,
                          size_t size)
{
    (void)state;
    return async_transport_read(below, buffer, size); /* or -EAGAIN */
}

static int write_upper(void *state, async_transport *below, const void *data,
                       size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char letter = (char)toupper(((const unsigned char *)data)[i]);
        ASYNC_TRY(async_transport_write(below, &letter, 1));
    }
    *(size_t *)state += size;
    return 0;
}

static int write_end(void *state, async_transport *below)
{
    (void)state;
    return async_transport_write(below, "bye\n", 4);
}

static const async_stream_layer upper = {read_unchanged, write_upper, write_end,
                                         free, NULL};

/* The start of an async_tls. It may exchange bytes with the peer first. */
static int start_upper(async_tls *self, async_stream *stream,
                       const char *server_name)
{
    async_transport *transport = async_stream_transport(stream);
    char answer[3];
    (void)self, (void)server_name;
    ASYNC_TRY(async_transport_write(transport, "hi\n", 3));
    while (async_transport_read(transport, answer, 3) == -EAGAIN)
        ASYNC_TRY(async_transport_wait(transport));
    size_t *count = calloc(1, sizeof *count);
    return count != NULL ? async_stream_set_layer(stream, &upper, count)
                         : -ENOMEM;
}

static int amain(void)
{
    async_tls secure = {.start = start_upper};
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
    printf("%zu bytes\n", *(size_t *)async_stream_layer_state(stream, &upper));
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
