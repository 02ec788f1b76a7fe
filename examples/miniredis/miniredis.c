/*
 * miniredis.c: a small Redis: `miniredis 6379`, then redis-cli or redis-benchmark. GET, SET, DEL,
 * INCR, RPUSH, LPUSH, BLPOP, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PING, ECHO, QUIT; any number of
 * requests may be under way on a connection. What it answers is what Redis answers, errors too; a
 * request has at most 1 MiB, and a line that is typed no quotes.
 *
 * A request is parsed where it lies in the stream's buffer, and its words are lent until the next
 * one is read. One loop, one thread: between two switches nobody else touches the tables, so there
 * are no locks.
 */
#include "client.h"
#include <stdio.h>
#include <stdlib.h>

static int amain(int port)
{
    struct store store = {0};
    async_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, serve_client, &store, NULL, port, NULL));
    printf("listening at port %d\n", async_server_port(server));
    fflush(stdout);
    int result = async_server_serve_forever(server);
    async_server_free_wait(server); /* its clients use the store */
    store_free(&store);
    return result;
}
async_fn(amain, int);

int main(int count, char **arguments)
{
    return async_main(amain, count > 1 ? atoi(arguments[1]) : 6379);
}
