/*
 * client.c: a connection: however many requests are there whole are performed, then more is waited
 * for. What is said to this client alone goes to its stream, so nothing here knows of the others.
 */
#include "client.h"
#include <stdlib.h>

/*
 * The requests that are there whole, up to one that waited; how many bytes they took, or why the
 * connection ends.
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
            return 0; /* the end */
        client->unread = (size_t)size;
        ASYNC_TRY(done = perform_all(client, text, &over));
        async_stream_consume(client->stream, (size_t)done);
        ASYNC_TRY(async_stream_drain(client->stream)); /* who does not read is not read */
    }
    return 0;
}

int serve_client(async_stream *stream, void *store)
{
    struct client client = {.stream = stream, .task = async_current_task(), .store = store};
    int result = talk(&client); /* no ASYNC_TRY: its subscriptions must go */
    if (result == -EPROTO)
        result = async_stream_printf(stream, "-ERR Protocol error: %s\r\n",
                                     client.request.complaint);
    forget_subscriptions(&client);
    free(client.request.words);
    return result;
}
