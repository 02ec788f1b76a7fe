/*
 * echo_server.c: sends back every byte: `echo_server 7777`, then `nc localhost 7777`. Ctrl-C ends
 * it.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

static int echo(async_stream *stream, void *unused)
{
    const char *data;
    int size;
    (void)unused;
    while ((size = async_stream_borrow(stream, &data)) > 0) {
        ASYNC_TRY(async_stream_write(stream, data, (size_t)size));
        ASYNC_TRY(async_stream_drain(stream)); /* waits while the client reads too slowly */
    }
    return size;
}

static int amain(int port)
{
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, echo, NULL, NULL, port, NULL));
    printf("listening at port %d\n", async_server_port(server));
    fflush(stdout);
    return async_server_serve_forever(server);
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 ? atoi(arguments[1]) : 7777);
}
