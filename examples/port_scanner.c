/*
 * port_scanner.c: prints the open TCP ports of a host: `port_scanner localhost 1 1024`. It tries a
 * hundred ports at a time, each for at most two seconds.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 100 };

static int connect_once(const char *host, int port)
{
    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_open_connection(&stream, host, port, NULL));
    return 0;
}

static int try_port(const char *host, int port, async_semaphore *slots)
{
    ASYNC_WITH(slots);
    if (async_timeout(2, connect_once(host, port)) == 0)
        printf("%d\n", port);
    return 0;
}
async_fn(try_port, const char *, int, async_semaphore *);

static int amain(const char *host, int first, int last)
{
    async_semaphore slots = {.value = AT_ONCE};
    ASYNC_TASK_GROUP(group);
    for (int port = first; port <= last; port++)
        async_group_create_task(&group, try_port, host, port, &slots);
    return async_group_wait(&group);
}
async_fn(amain, const char *, int, int);

int main(int count, char **arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: %s host first-port last-port\n", arguments[0]);
        return 2;
    }
    return async_main(amain, arguments[1], atoi(arguments[2]), atoi(arguments[3]));
}
