/*
 * miniredis.c: a small Redis: `miniredis 6379`, then redis-cli or redis-benchmark. GET, SET, DEL,
 * INCR, RPUSH, LPUSH, BLPOP, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PING, ECHO, QUIT; clients may
 * pipeline. The answers, errors included, are those of Redis. A request has at most 1 MiB; inline
 * commands have no quotes.
 *
 * A request is parsed in the stream's buffer; its words are valid until the next read. There is one
 * thread, and no other task runs between two switches, so the tables need no locks.
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
