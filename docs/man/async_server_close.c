/*
 * async_server_close.c: inspect a server, and end it and its connections
 *
 * Pages: async_server_close async_server_close_clients
 * async_server_abort_clients async_server_cancel_clients
 * async_server_wait_closed async_server_port async_server_connections
 * async_server_fds
 */
#include <asyncio.h>
#include <stdio.h>

static int echo(async_stream *stream, void *unused)
{
    char line[64];
    int size;
    (void)unused;
    while ((size = async_stream_readline(stream, line, sizeof line)) > 0)
        ASYNC_TRY(async_stream_write(stream, line, (size_t)size));
    printf("the connection ends with %d\n", size);
    return size;
}

/* Ends the connections, first in the gentlest way. */
static int end_connections(async_server *server)
{
    async_server_close_clients(server); /* their tasks read the end */
    if (async_timeout(5, async_server_wait_closed(server)) == 0)
        return 0;
    async_server_cancel_clients(server); /* their tasks are cancelled */
    if (async_timeout(5, async_server_wait_closed(server)) == 0)
        return 0;
    async_server_abort_clients(server); /* their reads and writes fail */
    return async_server_wait_closed(server);
}

static int amain(void)
{
    char line[64];
    int fds[4];
    async_auto_stream *stream = NULL;
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, echo, NULL, "127.0.0.1", 0, NULL));
    int port = async_server_port(server);
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1", port, NULL));
    async_stream_printf(stream, "hello\n");
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    fputs(line, stdout);
    printf("%zu socket, %zu connection\n", async_server_fds(server, fds, 4),
           async_server_connections(server));
    async_server_close(server); /* stops listening */
    return end_connections(server);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * hello
 * 1 socket, 1 connection
 * the connection ends with 0
 */
