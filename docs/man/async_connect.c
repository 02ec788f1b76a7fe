/*
 * async_connect.c: create, connect, accept and close sockets
 *
 * Pages: async_socket async_connect async_accept async_close
 */
#include <arpa/inet.h>
#include <asyncio.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static int serve(int server)
{
    char question[32];
    int client, size;
    ASYNC_TRY(client = async_accept(server, NULL, NULL));
    if ((size = async_recv(client, question, sizeof question, 0)) > 0)
        printf("asked: %.*s\n", size, question);
    if (size > 0)
        size = async_sendall(client, "42", 2, 0);
    async_close(client);
    return size;
}
async_fn(serve, int);

static int ask(int client, struct sockaddr_in address)
{
    char answer[32];
    int size;
    ASYNC_TRY(async_timeout(
        5, async_connect(client, (void *)&address, sizeof address)));
    ASYNC_TRY(async_sendall(client, "what is it?", 11, 0));
    ASYNC_TRY(size = async_recv(client, answer, sizeof answer, 0));
    printf("answered: %.*s\n", size, answer);
    return 0;
}
async_fn(ask, int, struct sockaddr_in);

static int amain(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET}, address;
    socklen_t size = sizeof address;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* any port */
    int server = async_socket(AF_INET, SOCK_STREAM, 0);
    int client = async_socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || client < 0)
        return server < 0 ? server : client;
    if (bind(server, (void *)&here, sizeof here) < 0 || listen(server, 8) < 0 ||
        getsockname(server, (void *)&address, &size) < 0)
        return -errno;
    int result = async_gather(async_create_task(serve, server),
                              async_create_task(ask, client, address));
    async_close(client);
    async_close(server);
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * asked: what is it?
 * answered: 42
 */
