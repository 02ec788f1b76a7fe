/*
 * async_start_server.c: serve connections
 *
 * Pages: async_start_server async_start_unix_server async_serve
 * async_server_options async_server_start_serving
 * async_server_serve_forever async_server_free_wait async_auto_wait_server
 */
#include <asyncio.h>
#include <stdio.h>

/* Runs in a task for each connection; the server closes the stream. */
static int greet(async_stream *stream, void *argument)
{
    char name[32];
    const char *greeting = argument;
    int size;
    while ((size = async_stream_readline(stream, name, sizeof name)) > 0)
        ASYNC_TRY(async_stream_printf(stream, "%s, %s", greeting, name));
    return size;
}

static int ask(const char *name)
{
    char line[64];
    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_open_unix_connection(&stream, "@asyncio-example", NULL));
    ASYNC_TRY(async_stream_printf(stream, "%s\n", name));
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    fputs(line, stdout);
    return 0;
}
async_fn(ask, const char *);

static int serve_at_path(void)
{
    async_server *server;
    async_server_options options = {.max_connections = 1, .paused = true};
    ASYNC_TRY(async_start_unix_server(&server, greet, "Hi", "@asyncio-example",
                                      &options));
    async_task *client = async_create_task(ask, "Unix");
    async_server_start_serving(server); /* accepts connections from now on */
    int result = async_await(client);
    async_server_free_wait(server); /* or use async_auto_wait_server */
    return result;
}

static int amain(void)
{
    ASYNC_TRY(serve_at_path());
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(
        async_start_server(&server, greet, "Hello", "127.0.0.1", 0, NULL));
    int result = async_timeout(1, async_server_serve_forever(server));
    puts(async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * Hi, Unix
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 */
