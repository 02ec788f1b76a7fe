/*
 * test_server.c: servers: their connections, how these end, and conditions under which a server
 * does not accept.
 */
#include "sys/tools.h"
#include "run/trace.h"
#include "run/streams.h"
#include "run/sockets.h"

#include <fcntl.h>
#include <sys/resource.h>

static void check_echo(async_stream *stream, const char *line)
{
    char answer[64];
    CHECK_EQ(async_stream_printf(stream, "%s\n", line), (int)strlen(line) + 1);
    CHECK_EQ(async_stream_readline(stream, answer, sizeof answer), (int)strlen(line) + 1);
    answer[strlen(line)] = 0;
    CHECK_STR(answer, line);
}

static void check_end(async_stream *stream, int expected)
{
    char byte;
    CHECK_EQ(async_stream_read(stream, &byte, 1), expected);
    async_stream_close(stream);
}

/* Waits until the server has that many. */
static void await_connections(const async_server *server, size_t count)
{
    for (int i = 0; async_server_connections(server) != count; i++) {
        CHECK(i < 50000);
        CHECK_EQ(async_sleep(0.0001), 0);
    }
}

LOOP_TEST(server_serves_many_at_once)
{
    enum { CLIENTS = 50 };
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_stream *clients[CLIENTS];
    int fd;
    CHECK_EQ(async_server_fds(server, &fd, 1), 1);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = new_client(server);
    for (int i = 0; i < CLIENTS; i++)
        check_echo(clients[i], "hello");
    CHECK_EQ(async_server_connections(server), CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        async_stream_close(clients[i]);
    await_connections(server, 0);
    return 0;
}

/* ---- ends of connections --------------------------------------------------------------------- */

static int note_end(async_stream *stream, void *unused)
{
    int result = serve_echo(stream, unused);
    note("%d", result);
    return 0;
}

LOOP_TEST(server_closes_the_stream_when_the_handler_returns)
{
    async_auto_wait_server *server = new_server(note_end, NULL);
    async_stream *client = new_client(server);
    check_echo(client, "x");
    CHECK_EQ(async_stream_write_eof(client), 0);
    check_end(client, 0);
    await_connections(server, 0);
    CHECK_TRACE("0");
    return 0;
}

LOOP_TEST(server_close_lets_connections_go_on)
{
    async_auto_wait_server *server = new_server(note_end, NULL);
    async_stream *client = new_client(server), *late;
    int port = async_server_port(server);
    check_echo(client, "before");
    async_server_close(server);
    async_server_close(server);
    CHECK_EQ(async_server_port(server), 0);
    CHECK_EQ(async_open_connection(&late, "127.0.0.1", port, NULL), -ECONNREFUSED);
    check_echo(client, "after");
    CHECK_EQ(async_timeout(0.001, async_server_wait_closed(server)), -ETIMEDOUT);
    async_stream_close(client);
    CHECK_EQ(async_server_wait_closed(server), 0);
    CHECK_TRACE("0");
    return 0;
}

LOOP_TEST(server_ends_its_clients_in_three_ways)
{
    void (*const ways[])(async_server *) = {async_server_close_clients, async_server_cancel_clients,
                                            async_server_abort_clients};
    for (int i = 0; i < 3; i++) {
        async_auto_wait_server *server = new_server(note_end, NULL);
        async_stream *client = new_client(server);
        check_echo(client, "x");
        ways[i](server);
        check_end(client, 0);
        await_connections(server, 0);
    }
    CHECK_TRACE("0 -125 -103");
    return 0;
}

LOOP_TEST(server_close_clients_sends_what_is_pending)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_stream *client = new_client(server);
    char line[16];
    check_echo(client, "x");
    CHECK_EQ(async_stream_write(client, "last\n", 5), 0);
    CHECK_EQ(async_sleep(0.001), 0); /* it has echoed that */
    async_server_close_clients(server);
    CHECK_EQ(async_stream_readline(client, line, sizeof line), 5);
    check_end(client, 0);
    return 0;
}

LOOP_TEST(server_free_cancels_its_clients_and_waits_for_them)
{
    async_server *server = new_server(note_end, NULL);
    async_stream *clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = new_client(server);
        check_echo(clients[i], "x");
    }
    async_server_free_wait(server);
    CHECK_TRACE("-125 -125 -125");
    for (int i = 0; i < 3; i++)
        check_end(clients[i], 0);
    async_server_free_wait(NULL);
    return 0;
}

static int fail_at_once(async_stream *stream, void *unused)
{
    (void)stream, (void)unused;
    return async_fail(-EPROTO, "it is not to be");
}

LOOP_TEST(server_reports_an_error_of_a_connection_and_goes_on)
{
    async_auto_wait_server *server = new_server(fail_at_once, NULL);
    async_loop_set_exception_handler(async_get_loop(), note_exception, NULL);
    for (int i = 0; i < 2; i++) {
        check_end(new_client(server), 0);
        await_connections(server, 0);
    }
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("-71 -71");
    return 0;
}

/* Reads a record that does not come whole, because the client ends. */
static int read_record(async_stream *stream, void *unused)
{
    char record[16];
    (void)unused;
    int size = async_stream_readexactly(stream, record, sizeof record);
    note(async_is_disconnect(size) ? "gone" : "%d", size);
    return size;
}

LOOP_TEST(server_reports_a_disconnect_in_debug_mode_only)
{
    async_auto_wait_server *server = new_server(read_record, NULL);
    async_loop_set_exception_handler(async_get_loop(), note_exception, NULL);
    for (int debug = 0; debug < 2; debug++)
        for (int resets = 0; resets < 2; resets++) {
            async_loop_set_debug(async_get_loop(), debug == 1);
            async_stream *client = new_client(server);
            CHECK_EQ(async_stream_write(client, "abc", 3), 0);
            await_connections(server, 1);
            if (resets == 1) {
                reset_on_close(async_stream_fd(client));
                async_stream_abort(client);
            }
            async_stream_close(client);
            await_connections(server, 0);
            CHECK_EQ(async_sleep(0), 0);
        }
    CHECK_TRACE("gone gone gone -61 gone -104");
    return 0;
}

/* An error of another connection is a failure like any other. */
static int fail_as_if_reset(async_stream *stream, void *unused)
{
    (void)stream, (void)unused;
    return async_fail(-ECONNRESET, "the database is gone");
}

LOOP_TEST(server_reports_a_disconnect_that_is_not_the_client_s)
{
    async_auto_wait_server *server = new_server(fail_as_if_reset, NULL);
    async_loop_set_exception_handler(async_get_loop(), note_exception, NULL);
    check_end(new_client(server), 0);
    await_connections(server, 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("-104");
    return 0;
}

static int serve_forever(async_server *server)
{
    int result = async_server_serve_forever(server);
    note("forever:%d", result);
    return result;
}
async_fn(serve_forever, async_server *);

LOOP_TEST(server_serves_forever_until_it_is_closed_or_the_task_is_cancelled)
{
    async_auto_wait_server *first = new_server(serve_echo, NULL),
                           *second = new_server(serve_echo, NULL);
    async_task *closed = async_create_task(serve_forever, first);
    async_task *cancelled = async_create_task(serve_forever, second);
    CHECK_EQ(async_sleep(0), 0);
    async_server_close(first);
    async_task_cancel(cancelled);
    CHECK_EQ(async_await(closed), 0);
    CHECK_EQ(async_await(cancelled), -ECANCELED);
    CHECK_EQ(async_server_port(second), 0); /* it does not listen any more */
    CHECK_EQ(async_server_serve_forever(second), 0);
    CHECK_TRACE("forever:0 forever:-125");
    return 0;
}

/* ---- not accepting --------------------------------------------------------------------------- */

LOOP_TEST(server_with_a_limit_lets_others_wait)
{
    async_auto_wait_server *server = NULL;
    const async_server_options options = {.max_connections = 2};
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0, &options), 0);
    async_stream *clients[3];
    char byte;
    for (int i = 0; i < 3; i++)
        clients[i] = new_client(server);
    check_echo(clients[0], "first");
    check_echo(clients[1], "second");
    CHECK_EQ(async_stream_printf(clients[2], "x"), 1);
    CHECK_EQ(async_timeout(0.002, async_stream_read(clients[2], &byte, 1)), -ETIMEDOUT);
    CHECK_EQ(async_server_connections(server), 2);
    async_stream_close(clients[0]);
    CHECK_EQ(async_stream_read(clients[2], &byte, 1), 1);
    async_stream_close(clients[1]);
    async_stream_close(clients[2]);
    return 0;
}

LOOP_TEST(server_that_starts_later_accepts_then)
{
    async_auto_wait_server *server = NULL;
    const async_server_options options = {.paused = true};
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0, &options), 0);
    async_auto_stream *client = new_client(server); /* the kernel has it */
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_server_connections(server), 0);
    async_server_start_serving(server);
    check_echo(client, "now");
    return 0;
}

/* Uses up all descriptors but `left`; returns how many it took. */
static int use_up_descriptors(int taken[], int most, int left)
{
    struct rlimit limit;
    int count = 0;
    if (tools_under_valgrind())
        test_skip("valgrind lets a program accept beyond its limit");
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 40;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count < most && (taken[count] = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    CHECK(count >= left);
    while (left-- > 0)
        close(taken[--count]);
    return count;
}

LOOP_TEST(server_without_descriptors_accepts_when_a_connection_ends)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_stream *first, *second;
    char line[16];
    int taken[64], count = use_up_descriptors(
                       taken, 64, 3); /* two ends of one connection, and one of another */
    first = new_client(server);
    check_echo(first, "first");
    second = new_client(server);
    CHECK_EQ(async_stream_printf(second, "second\n"), 7);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_server_connections(server), 1);
    async_stream_close(first); /* both of its ends go */
    CHECK_EQ(async_stream_readline(second, line, sizeof line), 7);
    async_stream_close(second);
    while (count > 0)
        close(taken[--count]);
    return 0;
}

/* ---- starting ------------------------------------------------------------------------------- */

LOOP_TEST(server_says_why_it_cannot_listen)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_server *other;
    char expected[100];
    int port = async_server_port(server);
    CHECK_EQ(async_start_server(&other, serve_echo, NULL, "127.0.0.1", port, NULL), -EADDRINUSE);
    CHECK(other == NULL);
    snprintf(expected, sizeof expected, "-EADDRINUSE: listen at 127.0.0.1:%d: ", port);
    CHECK(strncmp(async_strerror(-EADDRINUSE), expected, strlen(expected)) == 0);
    CHECK_EQ(async_start_server(&other, serve_echo, NULL, "127.0.0.1", 65536, NULL), -EINVAL);
    CHECK_EQ(async_start_server(&other, serve_echo, NULL, "127.0.0.1", -1, NULL), -EINVAL);
    CHECK_EQ(async_start_server(NULL, serve_echo, NULL, "127.0.0.1", 0, NULL), -EINVAL);
    CHECK_EQ(async_start_unix_server(&other, serve_echo, NULL, "", NULL), -EINVAL);
    CHECK_EQ(async_start_unix_server(&other, serve_echo, NULL, NULL, NULL), -EINVAL);
    return 0;
}

LOOP_TEST(server_gives_its_port_back_at_once)
{
    async_server *server = new_server(serve_echo, NULL), *again;
    int port = async_server_port(server);
    async_server_free_wait(server);
    CHECK_EQ(async_start_server(&again, serve_echo, NULL, "127.0.0.1", port, NULL), 0);
    async_server_free_wait(again);
    return 0;
}

LOOP_TEST(server_shares_its_port_if_both_want_to)
{
    const async_server_options options = {.reuse_port = true, .keep_alive = true};
    async_auto_wait_server *one = NULL, *other = NULL;
    CHECK_EQ(async_start_server(&one, serve_echo, NULL, "127.0.0.1", 0, &options), 0);
    CHECK_EQ(
        async_start_server(&other, serve_echo, NULL, "127.0.0.1", async_server_port(one), &options),
        0);
    CHECK_EQ(async_server_port(one), async_server_port(other));
    return 0;
}

LOOP_TEST(server_at_a_path_replaces_a_socket_and_removes_its_own)
{
    char path[64];
    async_stream *client;
    snprintf(path, sizeof path, "/tmp/libasyncio-test-%d", (int)getpid());
    for (int round = 0; round < 2; round++) {
        async_server *server;
        int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK_EQ(async_start_unix_server(&server, serve_echo, NULL, path, NULL), 0);
        CHECK_EQ(async_open_unix_connection(&client, path, NULL), 0);
        check_echo(client, "unix");
        async_stream_close(client);
        async_server_free_wait(server);
        CHECK_EQ(access(path, F_OK), -1);
        close(left);
    }
    CHECK_EQ(async_open_unix_connection(&client, path, NULL), -ENOENT);
    return 0;
}

static int leave_server(async_server **server)
{
    *server = new_server(serve_echo, NULL);
    return 0;
}
async_fn(leave_server, async_server **);

TEST_EACH_BACKEND(server_that_was_not_freed_is_freed_with_its_loop)
{
    async_server *server;
    CHECK_EQ(async_run_with(test_options(), leave_server, &server), 0);
}

static int free_own_server(async_stream *stream, void *server)
{
    (void)stream;
    async_server_free_wait(*(async_server **)server);
    return 0;
}

static int be_freed_by_a_client(void)
{
    async_server *server = NULL;
    server = new_server(free_own_server, &server);
    char byte;
    return async_stream_read(new_client(server), &byte, 1);
}
async_fn(be_freed_by_a_client);

DEATH_TEST(server_that_is_freed_by_its_own_connection_ends_the_program,
           "which would wait for itself")
{
    async_ignore(async_run(be_freed_by_a_client));
}
