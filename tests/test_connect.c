/*
 * test_connect.c: making connections: several addresses, those that do not answer, and where a connection comes from.
 */
#include "streams.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

LOOP_TEST(connect_to_a_name_reaches_it)
{
    async_auto_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = NULL;
    CHECK_EQ(async_open_connection(&stream, "localhost", async_server_port(server), NULL), 0);
    CHECK(stream != NULL);
    return 0;
}

LOOP_TEST(connect_says_to_whom_it_could_not)
{
    async_server *server = new_server(serve_echo, NULL);
    async_stream *stream;
    char expected[100];
    int port = async_server_port(server);
    async_server_free(server);
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", port, NULL), -ECONNREFUSED);
    CHECK(stream == NULL);
    snprintf(expected, sizeof expected, "-ECONNREFUSED: connect to 127.0.0.1:%d: ", port);
    CHECK(strncmp(async_strerror(-ECONNREFUSED), expected, strlen(expected)) == 0);
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", 65536, NULL), -EINVAL);
    CHECK_EQ(async_open_connection(NULL, "127.0.0.1", port, NULL), -EINVAL);
    CHECK_EQ(async_open_unix_connection(&stream, "/no/such/socket", NULL), -ENOENT);
    CHECK_EQ(async_open_unix_connection(&stream, NULL, NULL), -EINVAL);
    return 0;
}

LOOP_TEST(connect_comes_from_where_it_is_told_to)
{
    async_auto_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = NULL;
    const async_connection_options options = {.local_host = "127.0.0.2"}, wrong = {.local_host = "::1"};
    async_stream *none;
    char text[64];
    int port = async_server_port(server);
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", port, &options), 0);
    CHECK(async_stream_local(stream, text, sizeof text) > 0);
    CHECK(strncmp(text, "127.0.0.2:", 10) == 0);
    CHECK_EQ(async_open_connection(&none, "127.0.0.1", port, &wrong), -EAFNOSUPPORT);
    return 0;
}

static int connect_somewhere(const char *path)
{
    async_stream *stream;
    ASYNC_TRY(async_open_unix_connection(&stream, path, NULL));
    async_stream_close(stream);
    return 0;
}
async_fn(connect_somewhere, const char *);

/* The kernel lets one more in than the backlog says. */
LOOP_TEST(connect_to_a_full_backlog_tries_again_until_there_is_room)
{
    const async_server_options options = {.backlog = 1, .start_later = true};
    async_auto_server *server = NULL;
    async_task *tasks[4];
    char path[64];
    snprintf(path, sizeof path, "@libasyncio-backlog-%d", (int)getpid());
    CHECK_EQ(async_start_unix_server(&server, serve_echo, NULL, path, &options), 0);
    for (int i = 0; i < 4; i++)
        tasks[i] = async_create_task(connect_somewhere, path);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(async_sleep(0), 0);
    async_server_start_serving(server);
    CHECK_EQ(async_gather_n(tasks, 4, NULL, 0), 0);
    return 0;
}
