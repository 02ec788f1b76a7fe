/*
 * test_server_end.c: servers and their connections that end each other in unusual orders: from a
 * connection's own task, before a cancelled task has run, twice.
 */
#include "run/trace.h"
#include "run/streams.h"

#include <string.h>

static int serve_forever(async_server *server, bool cancelled)
{
    if (cancelled)
        async_task_cancel(async_current_task());
    int result = async_server_serve_forever(server);
    note("forever:%d", result);
    return result;
}
async_fn(serve_forever, async_server *, bool);

/* The cancelled task goes on after the server is freed. Sanitizers find a use of it. */
LOOP_TEST(server_is_closed_as_soon_as_serve_forever_is_cancelled)
{
    for (int before = 0; before < 2; before++) {
        async_server *server = new_server(serve_echo, NULL);
        async_task *task = async_create_task(serve_forever, server, before == 1);
        CHECK_EQ(async_sleep(0), 0);
        async_task_cancel(task);
        CHECK_EQ(async_server_port(server), 0);
        async_server_free_wait(server);
        CHECK_EQ(async_await(task), -ECANCELED);
    }
    CHECK_TRACE("forever:-125 forever:-125");
    return 0;
}

static int close_own(async_stream *stream, void *wait)
{
    char line[16];
    int size = async_stream_readline(stream, line, sizeof line);
    async_ignore(async_stream_write(stream, line, (size_t)size));
    if (wait != NULL)
        return async_stream_wait_closed(stream);
    async_stream_close(stream);
    return async_sleep(0.001);
}

/* As Python's handlers do. */
LOOP_TEST(server_lets_a_connection_close_its_stream_itself)
{
    static char waits;
    for (int i = 0; i < 2; i++) {
        async_auto_wait_server *server = new_server(close_own, i == 0 ? &waits : NULL);
        async_auto_stream *client = new_client(server);
        char line[16];
        CHECK_EQ(async_stream_write(client, "bye\n", 4), 0);
        CHECK_EQ(async_stream_readline(client, line, sizeof line), 4);
        CHECK_EQ(async_stream_read(client, line, 1), 0);
        async_server_close_clients(server); /* one of them is still there, without its stream */
        async_server_abort_clients(server);
    }
    return 0;
}

static async_server *ending;
static void (*end)(async_server *server);

static int end_from_inside(async_stream *stream, void *unused)
{
    char line[16];
    (void)unused;
    CHECK_EQ(async_stream_readline(stream, line, sizeof line), 4);
    CHECK_EQ(async_stream_write(stream, "last\n", 5), 0);
    end(ending);
    end(ending);
    int size = async_stream_readline(stream, line, sizeof line);
    note("%d", size);
    return 0;
}

LOOP_TEST(server_is_ended_by_a_connection_of_its_own)
{
    void (*const ways[])(async_server *) = {async_server_close, async_server_close_clients,
                                            async_server_cancel_clients,
                                            async_server_abort_clients};
    for (int i = 0; i < 4; i++) {
        async_auto_wait_server *server = new_server(end_from_inside, NULL);
        async_auto_stream *client = new_client(server);
        char line[16];
        ending = server;
        end = ways[i];
        CHECK_EQ(async_stream_write(client, "end\n", 4), 0);
        CHECK_EQ(async_stream_readline(client, line, sizeof line),
                 i < 3 ? 5 : -ECONNRESET); /* abort drops pending bytes */
        CHECK_EQ(async_stream_write_eof(client), 0);
        async_server_close(server);
        CHECK_EQ(async_server_wait_closed(server), 0);
    }
    CHECK_TRACE("0 0 -125 -103");
    return 0;
}

static int wait_for_own_server(async_stream *stream, void *unused)
{
    (void)stream, (void)unused;
    return async_server_wait_closed(ending);
}

static int be_waited_for(void)
{
    char byte;
    ending = new_server(wait_for_own_server, NULL);
    return async_stream_read(new_client(ending), &byte, 1);
}
async_fn(be_waited_for);

DEATH_TEST(server_that_its_own_connection_waits_for_ends_the_program,
           "async_server_wait_closed was called in a task of the server's own")
{
    async_ignore(async_run(be_waited_for));
}
