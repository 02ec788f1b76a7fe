/*
 * test_server_start.c: where a server listens: several hosts and addresses, equal ones, one port
 * for all of them, a service by name, and a socket that the program has bound.
 */
#include "run/addresses.h"
#include "run/faults.h"
#include "run/streams.h"

#include <stdio.h>

static void check_echo_at(const char *host, int port)
{
    async_auto_stream *stream = NULL;
    char byte;
    CHECK_EQ(async_open_connection(&stream, host, port, NULL), 0);
    CHECK_EQ(async_stream_write(stream, "x", 1), 0);
    CHECK_EQ(async_stream_read(stream, &byte, 1), 1);
}

/* ---- addresses ------------------------------------------------------------------------------ */

LOOP_TEST(server_start_listens_at_every_address_of_a_host)
{
    enum { ADDRESSES = 40 };
    async_auto_wait_server *server = NULL;
    use_addresses(INADDR_LOOPBACK, 1, ADDRESSES);
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "many.test", 0, NULL), 0);
    CHECK_EQ(async_server_fds(server, NULL, 0), ADDRESSES);
    check_echo_at("127.0.0.40", async_server_port(server));
    await_no_lookups();
    return 0;
}

LOOP_TEST(server_start_listens_at_equal_addresses_once)
{
    static const char *const more[] = {"127.0.0.1", "many.test", NULL};
    const async_server_options options = {.more_hosts = more};
    async_auto_wait_server *server = NULL;
    use_addresses(INADDR_LOOPBACK, 0, 3);
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "many.test", 0, &options), 0);
    CHECK_EQ(async_server_fds(server, NULL, 0), 1);
    await_no_lookups();
    return 0;
}

LOOP_TEST(server_start_without_memory_for_many_addresses_leaves_nothing)
{
    async_server *server;
    use_addresses(INADDR_LOOPBACK, 1, 40);
    for (long most = 0, result = -ENOMEM; result == -ENOMEM; most++) {
        test_allow_allocations(most);
        result = async_start_server(&server, serve_echo, NULL, "many.test", 0, NULL);
        test_allow_allocations(-1);
        CHECK(result == 0 || (result == -ENOMEM && server == NULL));
        async_server_free_wait(server);
    }
    await_no_lookups();
    return 0;
}

/* ---- ports ---------------------------------------------------------------------------------- */

/* Other listeners of IPv4 take numbers that the kernel then chooses for IPv6. */
LOOP_TEST(server_start_at_any_port_finds_one_that_is_free_at_all_addresses)
{
    struct fault_record record;
    async_server *server;
    if (!ASYNC_CHECKS)
        test_skip("a build without checks lets no call fail");
    const struct {
        long first, last;
        int expected;
    } cases[] = {{2, 2, 0}, {2, 1, 0}, {1, 1, -EADDRINUSE}, {2, 3, -EADDRINUSE}};
    static const char *const more[] = {"127.0.0.2", NULL};
    const async_server_options options = {.more_hosts = more};
    for (int i = 0; i < 4; i++) {
        faults_begin(&(struct fault){.site = SITE_BIND,
                                     .result = -EADDRINUSE,
                                     .first = cases[i].first,
                                     .last = cases[i].last},
                     &record);
        CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0, &options),
                 cases[i].expected);
        faults_end();
        if (server != NULL)
            check_echo_at("127.0.0.2", async_server_port(server));
        async_server_free_wait(server);
    }
    return 0;
}

LOOP_TEST(server_start_at_a_port_that_is_taken_is_tried_once)
{
    struct fault_record record;
    async_server *server;
    int taken = listener(1), port = ntohs(address_of(taken).sin_port);
    if (!ASYNC_CHECKS)
        test_skip("a build without checks counts no calls");
    faults_begin(&(struct fault){.site = SITE_BIND}, &record);
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", port, NULL), -EADDRINUSE);
    CHECK_EQ(record.calls[SITE_BIND], 1);
    faults_end();
    close(taken);
    return 0;
}

LOOP_TEST(server_start_takes_a_service_by_name_and_an_empty_host_for_all)
{
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    async_server *none;
    async_server_options options = {0};
    char number[8];
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "", 0, NULL), 0);
    check_echo_at("127.0.0.1", async_server_port(server));
    snprintf(number, sizeof number, "%d", async_server_port(server));
    const async_connection_options there = {.service = number};
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", 0, &there), 0);
    CHECK_EQ(async_open_connection(&(async_stream *){0}, "127.0.0.1", 1, &there), -EINVAL);
    options.service = number;
    CHECK_EQ(async_start_server(&none, serve_echo, NULL, "127.0.0.1", 0, &options), -EADDRINUSE);
    CHECK_EQ(async_start_server(&none, serve_echo, NULL, "127.0.0.1", 1, &options), -EINVAL);
    options.service = "no-such-service";
    CHECK_EQ(async_start_server(&none, serve_echo, NULL, "127.0.0.1", 0, &options), -EINVAL);
    return 0;
}

/* ---- on a socket of the program's ----------------------------------------------------------- */

LOOP_TEST(server_start_on_a_socket_serves_there_whether_it_listens_or_not)
{
    for (int listens = 0; listens < 2; listens++) {
        async_auto_wait_server *server = NULL;
        int fd = listens ? listener(5) : bound_socket(SOCK_STREAM, 0), found;
        CHECK_EQ(async_start_server_fd(&server, serve_echo, NULL, fd, NULL), 0);
        CHECK_EQ(async_server_fds(server, &found, 1), 1);
        CHECK_EQ(found, fd);
        check_echo_at("127.0.0.1", async_server_port(server));
    }
    return 0;
}

LOOP_TEST(server_start_on_a_unix_socket_leaves_its_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    async_auto_stream *stream = NULL;
    async_server *server;
    char byte;
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/libasyncio-given-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(async_start_server_fd(&server, serve_echo, NULL, fd, NULL), 0);
    CHECK_EQ(async_server_port(server), 0);
    CHECK_EQ(async_open_unix_connection(&stream, address.sun_path, NULL), 0);
    CHECK_EQ(async_stream_write(stream, "x", 1), 0);
    CHECK_EQ(async_stream_read(stream, &byte, 1), 1);
    async_server_free_wait(server);
    CHECK_EQ(unlink(address.sun_path), 0);
    return 0;
}

static void check_refused(int fd, int error, const char *why)
{
    async_server *server;
    CHECK_EQ(async_start_server_fd(&server, serve_echo, NULL, fd, NULL), error);
    CHECK(server == NULL);
    CHECK(strstr(async_strerror(error), why) != NULL);
}

LOOP_TEST(server_start_on_an_unsuitable_descriptor_names_the_cause_and_leaves_it)
{
    const async_server_options options = {.backlog = -1};
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_server *none;
    struct sockets connected = tcp_sockets();
    int pipes[2], served, datagram = bound_socket(SOCK_DGRAM, 0);
    int unbound[2] = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK_EQ(pipe(pipes), 0);
    CHECK_EQ(async_server_fds(server, &served, 1), 1);
    check_refused(datagram, -EPROTOTYPE, "it is not a stream socket");
    check_refused(connected.here, -EISCONN, "it is connected");
    check_refused(unbound[0], -EINVAL, "it is not bound");
    check_refused(unbound[1], -EINVAL, "it is not bound");
    check_refused(pipes[0], -ENOTSOCK, "on descriptor");
    check_refused(-1, -EBADF, "serve on descriptor -1: ");
    check_refused(served, -EBUSY, "a stream or a server has it");
    CHECK_EQ(async_start_server_fd(NULL, serve_echo, NULL, served, NULL), -EINVAL);
    CHECK_EQ(async_start_server_fd(&none, serve_echo, NULL, served, &options), -EINVAL);
    close_both(connected);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(close(pipes[i]), 0);
        CHECK_EQ(close(unbound[i]), 0);
    }
    CHECK_EQ(close(datagram), 0);
    return 0;
}

LOOP_TEST(server_start_on_a_socket_without_memory_leaves_it)
{
    int fd = listener(5);
    async_server *server = NULL;
    for (long most = 0; server == NULL; most++) {
        test_allow_allocations(most);
        int result = async_start_server_fd(&server, serve_echo, NULL, fd, NULL);
        test_allow_allocations(-1);
        CHECK(result == 0 || result == -ENOMEM);
    }
    async_server_free_wait(server);
    return 0;
}
