/*
 * proxy.c: passes connections on: `proxy 8080 example.com 80`, then `curl localhost:8080`. Each direction is a task of
 * its own; the first end is passed on as an end, and the connection is over when both directions are.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

struct target {
    const char *host;
    int port;
};

static int pass_on(async_stream *from, async_stream *to)
{
    const char *data;
    int size;
    while ((size = async_stream_borrow(from, &data)) > 0) {
        ASYNC_TRY(async_stream_write(to, data, (size_t)size));
        ASYNC_TRY(async_stream_drain(to)); /* the slower side sets the pace */
    }
    return size < 0 ? size : async_stream_write_eof(to);
}
async_fn(pass_on, async_stream *, async_stream *);

static int serve(async_stream *client, void *argument)
{
    const struct target *target = argument;
    async_auto_stream *server = NULL;
    ASYNC_TRY(async_open_connection(&server, target->host, target->port, NULL));
    ASYNC_TASK_GROUP(group); /* if one direction breaks, the other ends, too */
    async_group_create_task(&group, pass_on, client, server);
    async_group_create_task(&group, pass_on, server, client);
    return async_group_wait(&group);
}

static int amain(int port, struct target target)
{
    async_auto_server *listener = NULL;
    ASYNC_TRY(async_start_server(&listener, serve, &target, NULL, port, NULL));
    printf("passing port %d on to %s:%d\n", async_server_port(listener), target.host, target.port);
    fflush(stdout);
    return async_server_serve_forever(listener);
}
async_fn(amain, int, struct target);

int main(int count, char **arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: %s port target-host target-port\n", arguments[0]);
        return 2;
    }
    struct target target = {arguments[2], atoi(arguments[3])};
    return async_main(amain, atoi(arguments[1]), target);
}
