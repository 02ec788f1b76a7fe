/*
 * async_open_connection.c: connect to a server
 *
 * Pages: async_open_connection async_open_unix_connection
 * async_connection_options async_is_disconnect
 */
#include <asyncio.h>
#include <stdio.h>

/* Reads a line, unless the server disconnects before. */
static int print_answer(async_stream *stream)
{
    char line[64];
    int size = async_stream_readexactly(stream, line, 6);
    if (async_is_disconnect(size)) {
        puts("disconnected");
        return 0;
    }
    if (size > 0)
        printf("%.*s", size, line);
    return size < 0 ? size : 0;
}

/* A server of this example. */
static int greet(async_stream *stream, void *greeting)
{
    return async_stream_printf(stream, "%s\n", (const char *)greeting);
}

static int amain(void)
{
    async_connection_options options = {.local_host = "127.0.0.1",
                                        .happy_eyeballs_delay = 0.1};
    async_auto_wait_server *server = NULL, *unix_server = NULL;
    ASYNC_TRY(
        async_start_server(&server, greet, "Hello", "127.0.0.1", 0, NULL));
    ASYNC_TRY(async_start_unix_server(&unix_server, greet, "Hi",
                                      "@asyncio-example", NULL));

    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1",
                                    async_server_port(server), &options));
    ASYNC_TRY(print_answer(stream));

    async_auto_stream *other = NULL;
    ASYNC_TRY(async_open_unix_connection(&other, "@asyncio-example", NULL));
    return print_answer(other);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * Hello
 * disconnected
 */
