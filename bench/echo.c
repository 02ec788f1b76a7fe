/*
 * bench/echo.c: our server for bench-echo, as a user would write it: a task for each connection,
 * which sends back the bytes that it borrows from the stream. It ends at the end of its input
 * (server.h). It must not know its load generator, bench/load/echo.c. IDLE_TASKS=10000 in the
 * environment adds so many tasks that only wait, for bench/watching.py.
 */
#include <ours.h>
#include <server.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int echo(async_stream *stream, void *unused)
{
    const char *data;
    int count;
    (void)unused;
    while ((count = async_stream_borrow(stream, &data)) > 0) {
        ASYNC_TRY(async_stream_write(stream, data, (size_t)count));
        ASYNC_TRY(async_stream_drain(stream));
    }
    return count == -ECONNRESET ? 0 : count;
}

static async_event never;

static int wait_idly(void)
{
    return async_event_wait(&never);
}
async_fn(wait_idly);

static int amain(void)
{
    const char *idle = getenv("IDLE_TASKS");
    for (int i = idle != NULL ? atoi(idle) : 0; i > 0; i--)
        async_task_detach(async_create_task(wait_idly));
    async_server_options options = {.backlog = SERVER_BACKLOG};
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, echo, NULL, "127.0.0.1", 0, &options));
    server_say_port(async_server_port(server));
    return async_wait_readable(STDIN_FILENO);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
