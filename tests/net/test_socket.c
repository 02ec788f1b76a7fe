/*
 * test_socket.c: sockets made, connected, accepted and closed. Servers listen on the loopback
 * address, at a port that the kernel chooses.
 */
#include "sys/tools.h"
#include "run/trace.h"
#include "run/sockets.h"
#include "run/coroutines.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

static bool blocks(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0);
    return (flags & O_NONBLOCK) == 0;
}

static bool is_closed_by_exec(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/* ---- socket and close ----------------------------------------------------------------------- */

LOOP_TEST(socket_is_non_blocking_and_closed_by_exec)
{
    int fd = async_socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK(!blocks(fd) && is_closed_by_exec(fd));
    CHECK_EQ(async_close(fd), 0);
    CHECK_EQ(async_close(fd), -EBADF);
    return 0;
}

TEST(socket_and_close_need_no_loop)
{
    int fd = async_socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(fd >= 0);
    CHECK_EQ(async_close(fd), 0);
    CHECK_EQ(async_close(fd), -EBADF);
    CHECK_EQ(async_close(-1), -EBADF);
    CHECK_EQ(async_socket(AF_INET, 77, 0), -EINVAL);
    CHECK_EQ(async_socket(12345, SOCK_STREAM, 0), -EAFNOSUPPORT);
}

static int note_recv(int fd)
{
    char bytes[16];
    note("recv:%d", async_recv(fd, bytes, sizeof bytes, 0));
    return 0;
}
async_fn(note_recv, int);

static int note_recvfrom(int fd)
{
    char bytes[16];
    note("recvfrom:%d", async_recvfrom(fd, bytes, sizeof bytes, 0, NULL, NULL));
    return 0;
}
async_fn(note_recvfrom, int);

static int note_send(int fd)
{
    note("send:%d", async_send(fd, "x", 1, 0));
    return 0;
}
async_fn(note_send, int);

LOOP_TEST(close_ends_the_waits_on_the_descriptor)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    fill_socket(pair.here);
    async_task *tasks[] = {async_create_task(note_recv, pair.here),
                           async_create_task(note_recvfrom, pair.here),
                           async_create_task(note_send, pair.here)};
    turns(3);
    CHECK_EQ(async_close(pair.here), 0);
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("recv:-9 recvfrom:-9 send:-9");
    CHECK_EQ(async_close(pair.there), 0);
    return 0;
}

/* A request that the kernel still had would keep the connection open. */
LOOP_TEST(close_lets_the_peer_see_the_end_although_a_task_waited)
{
    char byte;
    struct sockets pair = tcp_sockets();
    async_task *task = async_create_task(note_recv, pair.here);
    turns(3);
    CHECK_EQ(async_close(pair.here), 0);
    CHECK_EQ(async_recv(pair.there, &byte, 1, 0), 0);
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(async_close(pair.there), 0);
    return 0;
}

LOOP_TEST(close_does_not_touch_waits_on_the_other_end)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    async_task *task = async_create_task(note_recv, pair.there);
    turns(2);
    CHECK_EQ(async_close(pair.here), 0);
    CHECK_EQ(async_await(task), 0);
    CHECK_TRACE("recv:0");
    CHECK_EQ(async_close(pair.there), 0);
    return 0;
}

/*
 * The new socket has the old one's number, or does not get it before the last wait on the old one
 * has ended.
 */
LOOP_TEST(close_leaves_nothing_to_the_next_descriptor_of_that_number)
{
    char byte;
    for (int i = 0; i < 50; i++) {
        struct sockets old = unix_sockets(SOCK_STREAM);
        async_task *waits = i % 2 == 0 ? async_create_task(note_recv, old.here) : NULL;
        turns(1 + i % 3);
        CHECK_EQ(async_close(old.here), 0);
        struct sockets new = unix_sockets(SOCK_STREAM);
        async_task *receiver = async_create_task(note_recv, new.here);
        turns(i % 4);
        CHECK_EQ(async_send(new.there, "ab", 2, 0), 2);
        CHECK_EQ(async_await(receiver), 0);
        if (waits != NULL)
            CHECK_EQ(async_await(waits), 0);
        trace_text[0] = '\0';
        CHECK_EQ(async_timeout(0.0001, async_recv(new.here, &byte, 1, 0)), -ETIMEDOUT);
        close_both(new);
        close(old.there);
    }
    return 0;
}

/*
 * Its descriptor was ready, so its wait is over, but it has not run: the number belongs to another
 * socket now.
 */
LOOP_TEST(close_keeps_a_woken_task_from_the_next_descriptor_of_that_number)
{
    char byte;
    struct sockets old = unix_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(note_recvfrom, old.here);
    turns(3);
    CHECK_EQ(async_send(old.there, "x", 1, 0), 1);
    turns(1);
    CHECK_EQ(async_close(old.here), 0);
    struct sockets new = unix_sockets(SOCK_STREAM);
    CHECK_EQ(async_send(new.there, "y", 1, 0), 1);
    CHECK_EQ(async_await(receiver), 0);
    CHECK_TRACE("recvfrom:-9");
    CHECK_EQ(async_recv(new.here, &byte, 1, 0), 1);
    close_both(new);
    close(old.there);
    return 0;
}

LOOP_TEST(close_may_be_called_by_a_cancelled_task)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    async_task_cancel(async_current_task());
    CHECK_EQ(async_close(pair.here), 0);
    CHECK_EQ(async_close(pair.there), 0);
    async_task_uncancel(async_current_task());
    return 0;
}

static int close_stream_descriptor(void)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    async_stream *stream;
    CHECK_EQ(async_stream_new(&stream, pair.here), 0);
    async_close(pair.here);
    return 0;
}
async_fn(close_stream_descriptor);

DEATH_TEST(close_of_a_streams_descriptor_is_misuse, "async_close(|close the stream")
{
    async_ignore(async_run(close_stream_descriptor));
}

/* ---- connect and accept --------------------------------------------------------------------- */

static int connect_to(int fd, struct sockaddr_in address)
{
    return async_connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int accept_and_note(int server)
{
    int fd = async_accept(server, NULL, NULL);
    note("accept:%s", fd >= 0 ? "yes" : async_strerror(fd));
    if (fd >= 0)
        CHECK_EQ(async_close(fd), 0);
    return fd < 0 ? fd : 0;
}
async_fn(accept_and_note, int);

LOOP_TEST(connect_and_accept_meet)
{
    struct sockaddr_in peer;
    unsigned size = sizeof peer;
    int server = listener(4), client = async_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(client, address_of(server)), 0);
    int accepted = async_accept(server, (struct sockaddr *)&peer, &size);
    CHECK(accepted >= 0);
    CHECK(!blocks(accepted) && is_closed_by_exec(accepted) && !blocks(server));
    CHECK_EQ(size, sizeof peer);
    CHECK_EQ(peer.sin_port, address_of(client).sin_port);
    CHECK_EQ(async_sendall(client, "hello", 5, 0), 0);
    char text[8];
    CHECK_EQ(async_recv(accepted, text, sizeof text, 0), 5);
    CHECK_EQ(async_close(client), 0);
    CHECK_EQ(async_recv(accepted, text, sizeof text, 0), 0);
    CHECK_EQ(async_close(accepted), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

LOOP_TEST(connect_makes_the_socket_non_blocking)
{
    int server = listener(4), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(blocks(client));
    CHECK_EQ(connect_to(client, address_of(server)), 0);
    CHECK(!blocks(client));
    CHECK_EQ(async_close(client), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

LOOP_TEST(connect_that_fails_names_the_address)
{
    char expected[128];
    int server = listener(1), client = async_socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = address_of(server);
    CHECK_EQ(async_close(server), 0);
    int result = connect_to(client, address);
    CHECK_EQ(result, -ECONNREFUSED);
    snprintf(expected, sizeof expected,
             "-ECONNREFUSED: connect to 127.0.0.1:%d: Connection refused", ntohs(address.sin_port));
    CHECK_STR(async_strerror(result), expected);
    CHECK_EQ(async_close(client), 0);
    return 0;
}

LOOP_TEST(connect_refuses_invalid_arguments)
{
    struct sockaddr_in address = loopback(1);
    int client = async_socket(AF_INET, SOCK_STREAM, 0),
        file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(async_connect(client, NULL, sizeof address), -EINVAL);
    CHECK_EQ(async_connect(client, (struct sockaddr *)&address, 0), -EINVAL);
    CHECK_EQ(async_connect(client, (struct sockaddr *)&address, 2), -EINVAL);
    const struct sockaddr_in enormous[10] = {address};
    CHECK_EQ(async_connect(client, (const struct sockaddr *)enormous, sizeof enormous), -EINVAL);
    CHECK_EQ(connect_to(-1, address), -EBADF);
    CHECK_EQ(connect_to(file, address), -ENOTSOCK);
    struct sockaddr_in6 other = {.sin6_family = AF_INET6, .sin6_port = htons(1)};
    CHECK(async_connect(client, (struct sockaddr *)&other, sizeof other) < 0);
    address.sin_family = 200;
    CHECK_EQ(connect_to(client, address), -EAFNOSUPPORT);
    close(file);
    CHECK_EQ(async_close(client), 0);
    return 0;
}

static int connect_unix(int fd, struct sockaddr_un address, socklen_t size)
{
    int result = async_connect(fd, (struct sockaddr *)&address, size);
    note("connect:%d", result);
    return result;
}
async_fn(connect_unix, int, struct sockaddr_un, socklen_t);

/* An abstract name that the kernel chooses. */
static int unix_listener(struct sockaddr_un *address, socklen_t *size, int backlog)
{
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    CHECK_EQ(bind(server, (struct sockaddr *)address, sizeof address->sun_family), 0);
    CHECK_EQ(listen(server, backlog), 0);
    *size = sizeof *address;
    CHECK_EQ(getsockname(server, (struct sockaddr *)address, size), 0);
    return server;
}

/* A Unix socket gives no event when its backlog has room again. */
LOOP_TEST(connect_waits_while_a_unix_backlog_is_full)
{
    enum { CLIENTS = 4 };
    struct sockaddr_un address;
    socklen_t size;
    int clients[CLIENTS], server = unix_listener(&address, &size, 0);
    async_task *tasks[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = async_socket(AF_UNIX, SOCK_STREAM, 0);
        tasks[i] = async_create_task(connect_unix, clients[i], address, size);
    }
    CHECK_EQ(async_sleep(0.3), 0);
    CHECK_TRACE("connect:0");
    for (int i = 0; i < CLIENTS;
         i++) /* with a limit: in a test of faults a client may have failed */
        CHECK_EQ(async_timeout(5, accept_and_note(server)), 0);
    CHECK_EQ(async_gather_n(tasks, CLIENTS, NULL, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ(async_close(clients[i]), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

LOOP_TEST(accept_waits_for_a_connection)
{
    int server = listener(4), client = async_socket(AF_INET, SOCK_STREAM, 0);
    async_task *acceptor = async_create_task(accept_and_note, server);
    turns(2);
    CHECK_TRACE("");
    CHECK_EQ(connect_to(client, address_of(server)), 0);
    CHECK_EQ(async_await(acceptor), 0);
    CHECK_TRACE("accept:yes");
    CHECK_EQ(async_close(client), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

static int accept_and_count(int server, int *count)
{
    ASYNC_TRY(accept_and_note(server));
    ++*count;
    return 0;
}
async_fn(accept_and_count, int, int *);

LOOP_TEST(accept_by_two_tasks_gives_each_connection_to_one)
{
    int server = listener(4), clients[2], count = 0;
    async_task *acceptors[] = {async_create_task(accept_and_count, server, &count),
                               async_create_task(accept_and_count, server, &count)};
    turns(2);
    for (int i = 0; i < 2; i++) {
        clients[i] = async_socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(connect_to(clients[i], address_of(server)), 0);
        CHECK_EQ(async_sleep(0.001), 0);
        CHECK_EQ(count, i + 1);
    }
    CHECK_EQ(async_gather_n(acceptors, 2, NULL, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(async_close(clients[i]), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

/* It says so at once, and the connection is there when there are descriptors again. */
LOOP_TEST(accept_without_a_free_descriptor_says_emfile)
{
    struct rlimit limit, none;
    if (tools_under_valgrind())
        test_skip("valgrind lets a program accept beyond its limit");
    int server = listener(4), client = async_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(client, address_of(server)), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_EQ(async_accept(server, NULL, NULL), -EMFILE);
    CHECK_EQ(async_accept(server, NULL, NULL), -EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(accept_and_note(server), 0);
    CHECK_EQ(async_close(client), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

LOOP_TEST(accept_refuses_invalid_arguments)
{
    struct sockaddr_in peer;
    int bound = bound_socket(SOCK_STREAM, 0), udp = bound_socket(SOCK_DGRAM, 0),
        file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(async_accept(-1, NULL, NULL), -EBADF);
    CHECK_EQ(async_accept(file, NULL, NULL), -ENOTSOCK);
    CHECK_EQ(async_accept(bound, NULL, NULL), -EINVAL);
    CHECK_EQ(async_accept(udp, NULL, NULL), -EOPNOTSUPP);
    CHECK_EQ(async_accept(bound, (struct sockaddr *)&peer, NULL), -EINVAL);
    close(file);
    close(bound);
    close(udp);
    return 0;
}

LOOP_TEST(accept_ends_when_its_socket_is_closed)
{
    int server = listener(4);
    async_task *acceptor = async_create_task(accept_and_note, server);
    turns(2);
    CHECK_EQ(async_close(server), 0);
    CHECK_EQ(async_await(acceptor), -EBADF);
    return 0;
}

/* ---- cancelled ------------------------------------------------------------------------------ */

static int connect_and_note(int client, struct sockaddr_in address)
{
    note("connect:%d", connect_to(client, address));
    return 0;
}
async_fn(connect_and_note, int, struct sockaddr_in);

LOOP_TEST(connect_that_is_cancelled_at_its_entry_does_nothing)
{
    int server = listener(4), client = async_socket(AF_INET, SOCK_STREAM, 0);
    async_task *task = async_create_task(connect_and_note, client, address_of(server));
    async_task_cancel(task);
    CHECK_EQ(async_await(task), 0);
    CHECK_TRACE("connect:-125");
    CHECK_EQ(async_timeout(0.0001, accept_and_note(server)), -ETIMEDOUT);
    CHECK_EQ(async_close(client), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

LOOP_TEST(connect_can_be_called_again_after_a_request)
{
    int server = listener(4), client = async_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(async_timeout(0, connect_to(client, address_of(server))), -ETIMEDOUT);
    CHECK_EQ(connect_to(client, address_of(server)), 0);
    CHECK_EQ(accept_and_note(server), 0);
    CHECK_EQ(async_close(client), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}

LOOP_TEST(connect_is_cancelled_while_a_unix_backlog_is_full)
{
    struct sockaddr_un address;
    socklen_t size;
    int server = unix_listener(&address, &size, 0), clients[2];
    for (int i = 0; i < 2; i++)
        clients[i] = async_socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect_unix(clients[0], address, size), 0);
    CHECK_EQ(async_timeout(0.05, connect_unix(clients[1], address, size)), -ETIMEDOUT);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(async_close(clients[i]), 0);
    CHECK_EQ(async_close(server), 0);
    return 0;
}
