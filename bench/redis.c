/*
 * bench/redis.c: our server for bench-redis: the miniature Redis of examples/, which ends at the
 * end of its input (server.h). It must not know its load generator, bench/load/redis.py.
 */
#include <miniredis/client.h>
#include <server.h>

#include <unistd.h>

static int amain(void)
{
    struct store store = {0};
    async_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, serve_client, &store, "127.0.0.1", 0, NULL));
    server_say_port(async_server_port(server));
    int result = async_wait_readable(STDIN_FILENO);
    async_server_free_wait(server);
    store_free(&store);
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
