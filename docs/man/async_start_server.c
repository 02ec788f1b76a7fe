/*
 * async_start_server.c: serve connections, and make them
 *
 * Pages: async_start_server async_start_unix_server async_serve
 * async_server_options async_server_start_serving
 * async_server_serve_forever async_server_close async_server_close_clients
 * async_server_abort_clients async_server_cancel_clients
 * async_server_wait_closed async_server_free_wait async_server_port
 * async_server_connections async_server_fds async_auto_wait_server
 * async_is_disconnect
 * async_open_connection async_open_unix_connection async_connection_options
 */
#include <asyncio.h>
#include <stdio.h>

/* An async_serve; the server closes the stream. */
static int greet(async_stream *stream, void *argument)
{
    char name[32];
    const char *greeting = argument;
    int size;
    while ((size = async_stream_readline(stream, name, sizeof name)) > 0)
        ASYNC_TRY(async_stream_printf(stream, "%s, %s", greeting, name));
    return size == -ECANCELED || async_is_disconnect(size) ? 0 : size;
}

static int ask(async_stream *stream, const char *name)
{
    char line[64];
    ASYNC_TRY(async_stream_printf(stream, "%s\n", name));
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    fputs(line, stdout);
    return 0;
}

static int visit(async_server *server)
{
    async_auto_stream *stream = NULL;
    async_connection_options slowly = {.happy_eyeballs_delay = ASYNC_FOREVER};
    int port = async_server_port(server), fds[4];
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1", port, &slowly));
    ASYNC_TRY(ask(stream, "world"));
    printf("%zu socket, %zu connection\n", async_server_fds(server, fds, 4),
           async_server_connections(server));
    async_server_close(server);          /* nobody else gets in */
    async_server_close_clients(server);  /* who is there finds the end, */
    async_server_cancel_clients(server); /* or is cancelled, */
    async_server_abort_clients(server);  /* or finds nobody any more */
    return async_server_wait_closed(server);
}
async_fn(visit, async_server *);

static int meet_at_a_path(void)
{
    async_server *server;
    async_auto_stream *stream = NULL;
    async_server_options options = {.max_connections = 1, .paused = true};
    ASYNC_TRY(async_start_unix_server(&server, greet, "Hi", "@asyncio-example",
                                      &options));
    async_server_start_serving(server);
    ASYNC_TRY(async_open_unix_connection(&stream, "@asyncio-example", NULL));
    int result = ask(stream, "Unix");
    async_server_free_wait(server); /* or an async_auto_wait_server, as below */
    return result;
}

static int amain(void)
{
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(
        async_start_server(&server, greet, "Hello", "127.0.0.1", 0, NULL));
    async_task *visitor = async_create_task(visit, server);
    ASYNC_TRY(async_server_serve_forever(server)); /* until it is closed */
    ASYNC_TRY(async_await(visitor));
    return meet_at_a_path();
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * Hello, world
 * 1 socket, 1 connection
 * Hi, Unix
 */
