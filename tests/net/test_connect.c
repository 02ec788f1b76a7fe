/*
 * test_connect.c: making connections: several addresses, those that do not answer, and where a
 * connection comes from.
 */
#include "run/addresses.h"
#include "run/faults.h"
#include "run/streams.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

LOOP_TEST(connect_to_a_name_reaches_it)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = NULL;
    CHECK_EQ(async_open_connection(&stream, "localhost", async_server_port(server), NULL), 0);
    CHECK(stream != NULL);
    return 0;
}

LOOP_TEST(connect_that_fails_names_the_peer)
{
    async_server *server = new_server(serve_echo, NULL);
    async_stream *stream;
    char expected[100];
    int port = async_server_port(server);
    async_server_free_wait(server);
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

LOOP_TEST(connect_comes_from_the_given_local_address)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = NULL;
    const async_connection_options options = {.local_host = "127.0.0.2"},
                                   wrong = {.local_host = "::1"};
    async_stream *none;
    char text[64];
    int port = async_server_port(server);
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", port, &options), 0);
    CHECK(async_stream_local(stream, text, sizeof text) > 0);
    CHECK(strncmp(text, "127.0.0.2:", 10) == 0);
    CHECK_EQ(async_open_connection(&none, "127.0.0.1", port, &wrong), -EAFNOSUPPORT);
    CHECK(strstr(async_strerror(-EAFNOSUPPORT), "of the family of the local address") != NULL);
    return 0;
}

/* Of a host with addresses of both families; which here is ::1 and then 127.0.0.1. */
LOOP_TEST(connect_from_a_local_address_reports_the_error_of_reachable_peers)
{
    const async_connection_options options = {.local_host = "127.0.0.2"};
    async_server *server = new_server(serve_echo, NULL);
    async_stream *stream;
    char expected[100];
    int port = async_server_port(server);
    async_server_free_wait(server);
    CHECK_EQ(async_open_connection(&stream, NULL, port, &options), -ECONNREFUSED);
    snprintf(expected, sizeof expected,
             "-ECONNREFUSED: connect to 127.0.0.1:%d: Connection refused", port);
    CHECK_STR(async_strerror(-ECONNREFUSED), expected);
    return 0;
}

/* 203.0.113.77 belongs to no machine; 127.0.0.3 to this one. */
LOOP_TEST(connect_comes_from_the_first_usable_local_address)
{
    const async_connection_options options = {.local_host = "local.test"};
    const async_connection_options unsuitable = {.local_host = "foreign.test"};
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = NULL;
    async_stream *none;
    char text[100];
    int port = async_server_port(server);
    use_addresses(0xcb00714d, 0x7f000003 - 0xcb00714d, 2);
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", port, &options), 0);
    CHECK(async_stream_local(stream, text, sizeof text) > 0);
    CHECK(strncmp(text, "127.0.0.3:", 10) == 0);
    use_addresses(0xcb00714d, 1, 2);
    CHECK_EQ(async_open_connection(&none, "127.0.0.1", port, &unsuitable), -EADDRNOTAVAIL);
    snprintf(text, sizeof text,
             "-EADDRNOTAVAIL: connect to 127.0.0.1:%d from 203.0.113.77:0: ", port);
    CHECK(strncmp(async_strerror(-EADDRNOTAVAIL), text, strlen(text)) == 0);
    await_no_lookups();
    return 0;
}

LOOP_TEST(connect_tries_every_address_of_a_host)
{
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.60", 0, NULL), 0);
    use_addresses(INADDR_LOOPBACK, 1, 60);
    CHECK_EQ(async_open_connection(&stream, "many.test", async_server_port(server), NULL), 0);
    await_no_lookups();
    return 0;
}

/*
 * A machine without IPv6 gets an error of that kind for the first address; the refusal by the
 * second one is more specific.
 */
LOOP_TEST(connect_reports_the_most_specific_error)
{
    static const int unreachable[] = {-ENETUNREACH, -EADDRNOTAVAIL, -EAFNOSUPPORT};
    async_server *server = new_server(serve_echo, NULL);
    struct fault_record record;
    async_stream *stream;
    int port = async_server_port(server);
    async_server_free_wait(server);
    if (!ASYNC_CHECKS)
        test_skip("a build without checks lets no call fail");
    for (int i = 0; i < 3; i++)
        for (long which = 1; which <= 2; which++) {
            faults_begin(
                &(struct fault){
                    .site = SITE_CONNECT, .result = unreachable[i], .first = which, .last = which},
                &record);
            CHECK_EQ(async_open_connection(&stream, NULL, port, NULL), -ECONNREFUSED);
            faults_end();
            CHECK(strstr(async_strerror(-ECONNREFUSED),
                         which == 1 ? "to 127.0.0.1:" : "to [::1]:") != NULL);
        }
    return 0;
}

LOOP_TEST(connect_without_memory_leaves_nothing)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_stream *stream = NULL;
    for (long most = 0; stream == NULL; most++) {
        test_allow_allocations(most);
        int result = async_open_connection(&stream, NULL, async_server_port(server), NULL);
        test_allow_allocations(-1);
        CHECK(result == 0 || result == -ENOMEM || result == -ECONNREFUSED);
    }
    async_stream_close(stream);
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
    const async_server_options options = {.backlog = 1, .paused = true};
    async_auto_wait_server *server = NULL;
    async_task *tasks[4];
    char path[64];
    snprintf(path, sizeof path, "@libasyncio-backlog-%d", (int)getpid());
    CHECK_EQ(async_start_unix_server(&server, serve_echo, NULL, path, &options), 0);
    for (int i = 0; i < 4; i++)
        tasks[i] = async_create_task(connect_somewhere, path);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(async_sleep(0), 0);
    async_server_start_serving(server);
    CHECK_EQ(async_gather_n(tasks, 4, NULL, ASYNC_FIRST_ERROR), 0);
    return 0;
}

/* ---- addresses that are dead ---------------------------------------------------------------- */

/* A socket that listens at ::1 and that port with a full backlog: a client gets no answer. */
static int new_hole(int port, int callers[], int count)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                                   .sin6_port = htons((in_port_t)port)};
    const struct sockaddr *any = (const struct sockaddr *)&address;
    int hole = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (hole < 0 || bind(hole, any, sizeof address) != 0 || listen(hole, 0) != 0)
        test_skip("there is no IPv6");
    for (int i = 0; i < count; i++) {
        callers[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        async_ignore(connect(callers[i], any, sizeof address));
    }
    return hole;
}

/* No host is ::1 and then 127.0.0.1. */
LOOP_TEST(connect_goes_on_at_once_where_an_address_refuses)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = NULL;
    const async_connection_options options = {.happy_eyeballs_delay = 1000};
    CHECK_EQ(async_open_connection(&stream, NULL, async_server_port(server), &options), 0);
    CHECK(async_time() == 0);
    return 0;
}

LOOP_TEST(connect_tries_the_next_address_beside_one_that_does_not_answer)
{
    enum { CALLERS = 4 };
    const double delays[] = {0, 0.01}, expected[] = {0.25, 0.01};
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    int callers[CALLERS], port = async_server_port(server), hole = new_hole(port, callers, CALLERS);
    for (int i = 0; i < 2; i++) {
        const async_connection_options options = {.happy_eyeballs_delay = delays[i]};
        async_auto_stream *stream = NULL;
        char text[64];
        double before = async_time();
        CHECK_EQ(async_timeout(5, async_open_connection(&stream, NULL, port, &options)), 0);
        CHECK(async_stream_peer(stream, text, sizeof text) > 0);
        CHECK(strncmp(text, "127.0.0.1:", 10) == 0);
        CHECK(async_time() - before >= expected[i] - 1e-6 &&
              async_time() - before <= expected[i] + 1e-6);
    }
    close(hole);
    for (int i = 0; i < CALLERS; i++)
        close(callers[i]);
    return 0;
}

LOOP_TEST(connect_to_a_dead_unix_socket_is_refused)
{
    char path[64];
    async_stream *stream;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "/tmp/libasyncio-dead-%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path));
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(dead, (const struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    CHECK_EQ(async_open_unix_connection(&stream, path, NULL), -ECONNREFUSED);
    CHECK_EQ(unlink(path), 0);
    return 0;
}
