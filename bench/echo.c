/*
 * bench/echo.c: our server for bench-echo, as a user would write it: a task for each connection, which receives and
 * sends in a loop. It ends when its input does (server.h). Must not know who drives it: bench/load/echo.c.
 */
#define _GNU_SOURCE
#include <ours.h>
#include <server.h>

#include <errno.h>
#include <unistd.h>

/* One read takes the largest message and leaves room: so it is known at once that there is no more. */
enum { BUFFER_SIZE = 32768 };

static int send_all(int connection, const char *bytes, ssize_t size)
{
    while (size > 0) {
        ssize_t sent = send(connection, bytes, (size_t)size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return -errno;
        if (sent < size)
            ASYNC_TRY(async_wait_writable(connection));
        bytes += sent > 0 ? sent : 0;
        size -= sent > 0 ? sent : 0;
    }
    return 0;
}

static int echo(int connection)
{
    char buffer[BUFFER_SIZE];
    int result;
    while ((result = async_recv(connection, buffer, sizeof buffer, 0)) > 0) {
        if ((result = send_all(connection, buffer, result)) < 0)
            break;
    }
    close(connection);
    return result == -ECONNRESET ? 0 : result;
}
async_fn(echo, int);

static int serve(int listening)
{
    for (;;) {
        ASYNC_TRY(async_wait_readable(listening));
        int connection = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection >= 0)
            async_detach(async_create_task(echo, connection));
    }
}
async_fn(serve, int);

static int amain(void)
{
    async_detach(async_create_task(serve, server_listen()));
    return async_wait_readable(STDIN_FILENO);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
