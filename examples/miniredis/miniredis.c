/*
 * miniredis.c: a small Redis: `miniredis 6379`, then redis-cli or redis-benchmark. GET, SET, DEL, INCR, RPUSH, LPUSH,
 * BLPOP, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PING, ECHO, QUIT; any number of requests may be under way on a connection.
 * What it answers is what Redis answers, errors too; a request has at most 1 MiB, and a line that is typed no quotes.
 *
 * A request is parsed where it lies in the stream's buffer, and its words are lent until the next one is read. One
 * loop, one thread: between two switches nobody else touches the tables, so there are no locks.
 */
#include "client.h"
#include <stdio.h>
#include <stdlib.h>

/* The requests that are there whole, up to one that waited; how many bytes they took, or why the connection ends. */
static int perform_all(struct client *client, const char *text, bool *over)
{
    int done = 0, used = 1;
    client->waited = false;
    while ((size_t)done < client->unread && !client->waited && !*over) {
        ASYNC_TRY(used = parse(text + done, client->unread - (size_t)done, &client->request));
        if (used == 0)
            break;
        int result;
        ASYNC_TRY(result = perform(client));
        *over = result > 0;
        done += used;
    }
    if (used > 0)
        client->request.least = 1;
    return done;
}

static int talk(struct client *client)
{
    bool over = false;
    client->request.least = 1;
    while (!over) {
        const char *text;
        int size, done;
        size_t least = client->request.least;
        ASYNC_TRY(size = async_stream_peek(client->stream, &text, least));
        if ((size_t)size < least)
            return 0; /* the end */
        client->unread = (size_t)size;
        ASYNC_TRY(done = perform_all(client, text, &over));
        async_stream_consume(client->stream, (size_t)done);
        ASYNC_TRY(async_stream_drain(client->stream)); /* who does not read is not read */
    }
    return 0;
}

static int serve(async_stream *stream, void *store)
{
    struct client client = {.stream = stream, .task = async_current_task(), .store = store};
    int result = talk(&client); /* no ASYNC_TRY: its subscriptions must go */
    if (result == -EPROTO)
        result = async_stream_printf(stream, "-ERR Protocol error: %s\r\n", client.request.complaint);
    forget_subscriptions(&client);
    free(client.request.words);
    return result;
}

static int amain(int port)
{
    struct store store = {0};
    async_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, serve, &store, NULL, port, NULL));
    printf("listening at port %d\n", async_server_port(server));
    fflush(stdout);
    int result = async_server_serve_forever(server);
    async_server_free(server); /* its clients use the store */
    store_free(&store);
    return result;
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 ? atoi(arguments[1]) : 6379);
}
