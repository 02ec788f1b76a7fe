/*
 * client.c: a connection: performs all complete requests in the stream's buffer, then waits for
 * more. This file knows only one client; its answers go to its stream.
 */
#include "client.h"
#include <stdlib.h>

/*
 * Performs the complete requests, up to one that waited. Returns the number of their bytes; -errno
 * ends the connection.
 */
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
            return 0; /* the end of the stream */
        client->unread = (size_t)size;
        ASYNC_TRY(done = perform_all(client, text, &over));
        async_stream_consume(client->stream, (size_t)done);
        ASYNC_TRY(async_stream_drain(client->stream)); /* waits while the client reads too slowly */
    }
    return 0;
}

int serve_client(async_stream *stream, void *store)
{
    struct client client = {.stream = stream, .task = async_current_task(), .store = store};
    int result = talk(&client); /* no ASYNC_TRY: the cleanup below must run */
    if (result == -EPROTO)
        result = async_stream_printf(stream, "-ERR Protocol error: %s\r\n", client.request.error);
    forget_subscriptions(&client);
    free(client.request.words);
    return result;
}
