/*
 * test_socket_transfer.c: bytes and messages to and from sockets of every kind, also when tasks are
 * cancelled or peers go.
 */
#include "run/trace.h"
#include "run/sockets.h"
#include "run/callbacks.h"
#include "run/coroutines.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static int open_device(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* ---- what cannot be ------------------------------------------------------------------------- */

LOOP_TEST(transfer_refuses_invalid_arguments)
{
    char bytes[4];
    struct sockets pair = unix_sockets(SOCK_STREAM);
    struct sockaddr_in address;
    struct msghdr message = {0};
    CHECK_EQ(async_recvfrom(pair.here, NULL, 4, 0, NULL, NULL), -EINVAL);
    CHECK_EQ(async_recvfrom(pair.here, bytes, 4, MSG_WAITALL, NULL, NULL), -EINVAL);
    CHECK_EQ(async_recvfrom(pair.here, bytes, 4, 0, (struct sockaddr *)&address, NULL), -EINVAL);
    CHECK_EQ(async_recvmsg(pair.here, NULL, 0), -EINVAL);
    CHECK_EQ(async_recvmsg(pair.here, &message, MSG_WAITALL), -EINVAL);
    CHECK_EQ(async_send(pair.here, NULL, 4, 0), -EINVAL);
    CHECK_EQ(async_sendto(pair.here, NULL, 4, 0, NULL, 0), -EINVAL);
    CHECK_EQ(async_sendmsg(pair.here, NULL, 0), -EINVAL);
    CHECK_EQ(async_sendall(pair.here, NULL, 4, 0), -EINVAL);
    close_both(pair);
    return 0;
}

/* Each call with a closed descriptor, or one that is not a socket. */
static void check_calls(int fd, int expected)
{
    char bytes[4] = "abc";
    struct sockaddr_in address = loopback(9);
    struct iovec part = {bytes, 4};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    CHECK_EQ(async_recv(fd, bytes, 4, 0), expected);
    CHECK_EQ(async_recvfrom(fd, bytes, 4, 0, NULL, NULL), expected);
    CHECK_EQ(async_recvmsg(fd, &message, 0), expected);
    CHECK_EQ(async_send(fd, bytes, 4, 0), expected);
    CHECK_EQ(async_sendto(fd, bytes, 4, 0, (struct sockaddr *)&address, sizeof address), expected);
    CHECK_EQ(async_sendmsg(fd, &message, 0), expected);
    CHECK_EQ(async_sendall(fd, bytes, 4, 0), expected);
}

LOOP_TEST(transfer_gives_the_errors_of_its_descriptor)
{
    int device = open_device("/dev/null"), unconnected = async_socket(AF_INET, SOCK_STREAM, 0);
    char bytes[4] = "";
    check_calls(-1, -EBADF);
    check_calls(INT_MAX, -EBADF);
    check_calls(device, -ENOTSOCK);
    CHECK_EQ(close(device), 0);
    check_calls(device, -EBADF);
    CHECK_EQ(async_recv(unconnected, bytes, 4, 0), -ENOTCONN);
    CHECK_EQ(async_send(unconnected, bytes, 4, 0), -EPIPE);
    CHECK_EQ(async_close(unconnected), 0);
    return 0;
}

/* ---- streams -------------------------------------------------------------------------------- */

enum { LONG = 1 << 20 };

static unsigned char pattern(size_t place)
{
    return (unsigned char)(place * 7 + place / 251);
}

static int receive_pattern(int fd)
{
    size_t received = 0;
    int count;
    unsigned char bytes[10007];
    while ((count = async_recv(fd, bytes, sizeof bytes, 0)) > 0)
        for (int i = 0; i < count; i++)
            CHECK_EQ(bytes[i], pattern(received++));
    /* so that the sender does not wait for more reads, should this one have failed */
    shutdown(fd, SHUT_RDWR);
    return count < 0 ? count : (int)received;
}
async_fn(receive_pattern, int);

static void send_long(struct sockets pair)
{
    static unsigned char bytes[LONG];
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = pattern(i);
    async_task *receiver = async_create_task(receive_pattern, pair.there);
    CHECK_EQ(async_sendall(pair.here, bytes, LONG, 0), 0);
    CHECK_EQ(shutdown(pair.here, SHUT_WR), 0);
    CHECK_EQ(async_await(receiver), LONG);
    close_both(pair);
}

LOOP_TEST(sendall_sends_all_in_order)
{
    send_long(tcp_sockets());
    send_long(unix_sockets(SOCK_STREAM));
    return 0;
}

LOOP_TEST(sendall_of_nothing_sends_nothing)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    CHECK_EQ(async_sendall(pair.here, NULL, 0, 0), 0);
    CHECK_EQ(async_send(pair.here, NULL, 0, 0), 0);
    CHECK_EQ(drain_socket(pair.there), 0);
    close_both(pair);
    return 0;
}

static void cancel_task(void *task)
{
    async_task_cancel(task);
}

/* Bytes that were sent stay sent, and the message says how many. */
LOOP_TEST(sendall_that_is_cancelled_half_way_reports_the_bytes_sent)
{
    static char bytes[8 * LONG];
    char expected[80];
    struct sockets pair = unix_sockets(SOCK_STREAM);
    CHECK(async_call_later(0.001, cancel_task, async_current_task()).id != 0);
    int result = async_sendall(pair.here, bytes, sizeof bytes, 0);
    CHECK_EQ(result, -ECANCELED);
    snprintf(expected, sizeof expected,
             "-ECANCELED: %zu of %zu bytes were sent: Operation canceled", drain_socket(pair.there),
             sizeof bytes);
    CHECK_STR(async_strerror(result), expected);
    async_task_uncancel(async_current_task());
    CHECK_EQ(async_timeout(0.001, async_sendall(pair.here, bytes, sizeof bytes, 0)), -ETIMEDOUT);
    close_both(pair);
    return 0;
}

static int send_much(int fd)
{
    static char bytes[LONG];
    int result;
    while ((result = async_send(fd, bytes, sizeof bytes, 0)) > 0)
        continue;
    return result;
}
async_fn(send_much, int);

LOOP_TEST(send_waits_for_room_and_takes_what_there_is)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    size_t room = fill_socket(pair.here);
    async_task *sender = async_create_task(send_much, pair.here);
    turns(3);
    CHECK(!async_task_done(sender));
    CHECK_EQ(drain_socket(pair.there), room);
    CHECK_EQ(async_wait_readable(pair.there), 0);
    CHECK_EQ(async_close(pair.there), 0);
    int result = async_await(sender);
    CHECK(result == -EPIPE || result == -ECONNRESET);
    CHECK_EQ(async_close(pair.here), 0);
    return 0;
}

/* The signal would end the process. */
LOOP_TEST(send_never_raises_sigpipe)
{
    struct sockets pair = tcp_sockets();
    struct sockaddr_in address = address_of(pair.here);
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    signal(SIGPIPE, SIG_DFL);
    CHECK_EQ(shutdown(pair.here, SHUT_WR), 0);
    CHECK_EQ(async_send(pair.here, "x", 1, 0), -EPIPE);
    CHECK_EQ(async_sendall(pair.here, "x", 1, 0), -EPIPE);
    CHECK_EQ(async_sendmsg(pair.here, &message, 0), -EPIPE);
    CHECK_EQ(async_sendto(pair.here, "x", 1, 0, (struct sockaddr *)&address, sizeof address),
             -EPIPE);
    close_both(pair);
    return 0;
}

static int note_receiving(int fd)
{
    char bytes[8];
    note("%d", async_recvfrom(fd, bytes, sizeof bytes, 0, NULL, NULL));
    return 0;
}
async_fn(note_receiving, int);

static void receive_while(struct sockets pair, void (*happens)(struct sockets))
{
    async_task *receiver = async_create_task(note_receiving, pair.here);
    turns(2);
    happens(pair);
    CHECK_EQ(async_await(receiver), 0);
    close_both(pair);
}

static void shut_down_here(struct sockets pair)
{
    CHECK_EQ(shutdown(pair.here, SHUT_RD), 0);
}

static void shut_down_there(struct sockets pair)
{
    CHECK_EQ(shutdown(pair.there, SHUT_WR), 0);
}

LOOP_TEST(recv_ends_when_either_side_is_shut_down)
{
    receive_while(tcp_sockets(), shut_down_there);
    receive_while(tcp_sockets(), shut_down_here);
    receive_while(unix_sockets(SOCK_STREAM), shut_down_there);
    receive_while(unix_sockets(SOCK_STREAM), shut_down_here);
    receive_while(unix_sockets(SOCK_SEQPACKET), shut_down_there);
    CHECK_TRACE("0 0 0 0 0");
    return 0;
}

LOOP_TEST(recv_reports_a_reset)
{
    struct sockets pair = tcp_sockets();
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    async_task *receiver = async_create_task(note_receiving, pair.here);
    turns(2);
    CHECK_EQ(setsockopt(pair.there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    CHECK_EQ(async_close(pair.there), 0);
    CHECK_EQ(async_await(receiver), 0);
    CHECK_TRACE("-104");
    CHECK_EQ(async_send(pair.here, "x", 1, 0), -EPIPE);
    CHECK_EQ(async_close(pair.here), 0);
    return 0;
}

/* ---- datagrams ------------------------------------------------------------------------------ */

LOOP_TEST(recvfrom_gives_the_sender_s_address)
{
    char text[16];
    int server = bound_socket(SOCK_DGRAM, 0), client = bound_socket(SOCK_DGRAM, 0);
    struct sockaddr_in to = address_of(server), from = {0};
    unsigned size = sizeof from;
    async_task *waits = async_create_task(note_receiving, server);
    turns(2);
    CHECK_EQ(async_sendto(client, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    CHECK_EQ(async_await(waits), 0);
    CHECK_TRACE("5");
    CHECK_EQ(async_sendto(client, "you", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
    CHECK_EQ(async_recvfrom(server, text, sizeof text, 0, (struct sockaddr *)&from, &size), 3);
    CHECK_EQ(size, sizeof from);
    CHECK_EQ(from.sin_port, address_of(client).sin_port);
    CHECK_EQ(async_close(server), 0);
    CHECK_EQ(async_close(client), 0);
    return 0;
}

static void send_datagrams(struct sockets pair)
{
    char text[4];
    CHECK_EQ(async_send(pair.here, "first", 5, 0), 5);
    CHECK_EQ(async_send(pair.here, "", 0, 0), 0);
    CHECK_EQ(async_sendall(pair.here, "third", 5, 0), 0);
    CHECK_EQ(async_recvfrom(pair.there, text, sizeof text, MSG_TRUNC, NULL, NULL), 5);
    CHECK_EQ(async_recvfrom(pair.there, text, sizeof text, 0, NULL, NULL), 0);
    CHECK_EQ(async_recv(pair.there, text, sizeof text, 0), 4);
    CHECK(memcmp(text, "thir", 4) == 0);
    close_both(pair);
}

LOOP_TEST(datagrams_keep_their_boundaries)
{
    send_datagrams(udp_sockets());
    send_datagrams(unix_sockets(SOCK_DGRAM));
    send_datagrams(unix_sockets(SOCK_SEQPACKET));
    return 0;
}

LOOP_TEST(datagram_to_a_closed_port_fails_the_next_call)
{
    struct sockets pair = udp_sockets();
    CHECK_EQ(async_close(pair.there), 0);
    CHECK_EQ(async_send(pair.here, "x", 1, 0), 1);
    CHECK_EQ(note_receiving(pair.here), 0);
    CHECK_TRACE("-111");
    CHECK_EQ(async_close(pair.here), 0);
    return 0;
}

LOOP_TEST(datagram_that_is_too_long_is_refused)
{
    static char bytes[100000];
    struct sockets pair = udp_sockets();
    CHECK_EQ(async_send(pair.here, bytes, sizeof bytes, 0), -EMSGSIZE);
    CHECK_EQ(async_sendall(pair.here, bytes, sizeof bytes, 0), -EMSGSIZE);
    close_both(pair);
    return 0;
}

static int send_to_unix(int fd, struct sockaddr_un address, socklen_t size)
{
    return async_sendto(fd, "x", 1, 0, (struct sockaddr *)&address, size);
}
async_fn(send_to_unix, int, struct sockaddr_un, socklen_t);

/*
 * The kernel finds such a sender writable although the receiver has no room: no busy waiting, and
 * it comes through.
 */
LOOP_TEST(sendto_waits_for_a_receiver_without_room)
{
    int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    char byte;
    CHECK_EQ(bind(server, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    CHECK_EQ(getsockname(server, (struct sockaddr *)&address, &size), 0);
    while (sendto(client, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, size) == 1)
        continue;
    async_task *sender = async_create_task(send_to_unix, client, address, size);
    CHECK_EQ(async_sleep(0.3), 0);
    CHECK(!async_task_done(sender));
    CHECK_EQ(async_recv(server, &byte, 1, 0), 1);
    CHECK_EQ(async_await(sender), 1);
    CHECK_EQ(async_close(server), 0);
    CHECK_EQ(async_close(client), 0);
    return 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Room for one descriptor, and its header. */
union control {
    char bytes[CMSG_SPACE(sizeof(int))]; /* of the control message */
    struct cmsghdr header;               /* for its alignment */
};

static int send_descriptor(int fd, int passed)
{
    union control control = {0};
    struct iovec part = {.iov_base = "d", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    *CMSG_FIRSTHDR(&message) = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof passed)};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &passed, sizeof passed);
    return async_sendmsg(fd, &message, 0);
}

static int receive_descriptor(int fd)
{
    int passed;
    char byte;
    union control control;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    CHECK_EQ(async_recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header != NULL && header->cmsg_type == SCM_RIGHTS);
    memcpy(&passed, CMSG_DATA(header), sizeof passed);
    return passed;
}
async_fn(receive_descriptor, int);

LOOP_TEST(messages_carry_descriptors)
{
    char text[8];
    struct sockets carrier = unix_sockets(SOCK_STREAM), passed = unix_sockets(SOCK_STREAM);
    async_task *receiver = async_create_task(receive_descriptor, carrier.there);
    turns(2);
    CHECK_EQ(send_descriptor(carrier.here, passed.there), 1);
    int copy = async_await(receiver);
    CHECK(copy >= 0 && copy != passed.there);
    CHECK_EQ(async_close(passed.there), 0);
    CHECK_EQ(async_send(copy, "hi", 2, 0), 2);
    CHECK_EQ(async_recv(passed.here, text, sizeof text, 0), 2);
    CHECK_EQ(async_close(copy), 0);
    CHECK_EQ(async_close(passed.here), 0);
    close_both(carrier);
    return 0;
}

LOOP_TEST(messages_are_gathered_and_scattered)
{
    char first[2], second[8];
    struct sockets pair = unix_sockets(SOCK_SEQPACKET);
    struct iovec out[] = {{.iov_base = "abc", .iov_len = 3}, {.iov_base = "def", .iov_len = 3}};
    struct iovec in[] = {{.iov_base = first, .iov_len = 2}, {.iov_base = second, .iov_len = 8}};
    struct msghdr sent = {.msg_iov = out, .msg_iovlen = 2},
                  received = {.msg_iov = in, .msg_iovlen = 2};
    CHECK_EQ(async_sendmsg(pair.here, &sent, 0), 6);
    CHECK_EQ(async_recvmsg(pair.there, &received, 0), 6);
    CHECK(memcmp(first, "ab", 2) == 0 && memcmp(second, "cdef", 4) == 0);
    close_both(pair);
    return 0;
}

/*
 * Of an empty queue of errors poll says nothing while there is data: no busy waiting, and a request
 * ends it.
 */
LOOP_TEST(recvmsg_of_errors_waits_although_there_is_data)
{
    char bytes[4];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct sockets pair = udp_sockets();
    CHECK_EQ(async_send(pair.there, "x", 1, 0), 1);
    CHECK_EQ(async_timeout(0.2, async_recvmsg(pair.here, &message, MSG_ERRQUEUE)), -ETIMEDOUT);
    close_both(pair);
    return 0;
}

/* ---- several tasks on one socket ------------------------------------------------------------ */

LOOP_TEST(transfer_by_two_readers_loses_nothing)
{
    enum { ROUNDS = 200 };
    struct sockets pair = unix_sockets(SOCK_DGRAM);
    int received = 0;
    for (int i = 0; i < ROUNDS; i++) {
        async_task *tasks[2];
        for (int k = 0; k < 2; k++)
            tasks[k] = async_create_task(note_receiving, pair.here);
        turns(i % 3);
        CHECK_EQ(async_send(pair.there, "x", 1, 0), 1);
        turns(i / 3 % 3);
        if (i % 2 == 0)
            async_task_cancel(tasks[i / 2 % 2]);
        CHECK_EQ(async_send(pair.there, "y", 1, 0), 1);
        CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_RETURN_EXCEPTIONS), 0);
        for (const char *text = trace_text; (text = strchr(text, '1')) != NULL; text++)
            received += text == trace_text || text[-1] == ' ';
        trace_text[0] = 0;
    }
    received += (int)drain_socket(pair.here);
    CHECK_EQ(received, 2 * ROUNDS);
    close_both(pair);
    return 0;
}

/* ---- fairness ------------------------------------------------------------------------------- */

static int echo(int fd, int *rounds, const bool *over)
{
    char byte;
    while (!*over) {
        CHECK_EQ(async_send(fd, "x", 1, 0), 1);
        CHECK_EQ(async_recvfrom(fd, &byte, 1, 0, NULL, NULL), 1);
        ++*rounds;
    }
    return 0;
}
async_fn(echo, int, int *, const bool *);

/* A datagram to itself is there at once: neither of them ever has to wait. */
LOOP_TEST(transfer_that_never_waits_lets_others_run)
{
    enum { WANTED = 1000 };
    int sockets[2], rounds[2] = {0};
    bool over = false;
    async_task *tasks[2];
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in address;
        sockets[i] = bound_socket(SOCK_DGRAM, 0);
        address = address_of(sockets[i]);
        CHECK_EQ(connect(sockets[i], (struct sockaddr *)&address, sizeof address), 0);
        tasks[i] = async_create_task(echo, sockets[i], &rounds[i], &over);
    }
    while (rounds[0] < WANTED || rounds[1] < WANTED)
        CHECK_EQ(async_sleep(0), 0);
    CHECK(rounds[0] < 2 * WANTED && rounds[1] < 2 * WANTED);
    over = true;
    CHECK_EQ(async_gather_n(tasks, 2, NULL, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(async_close(sockets[i]), 0);
    return 0;
}

/* While no other task is ready, time goes on and timers fire. */
REAL_LOOP_TEST(transfer_that_never_waits_lets_timers_fire)
{
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its time stands still while a task runs");
    bool over = false;
    int rounds = 0, socket = bound_socket(SOCK_DGRAM, 0);
    struct sockaddr_in address = address_of(socket);
    CHECK_EQ(connect(socket, (struct sockaddr *)&address, sizeof address), 0);
    CHECK(async_call_later(0.001, set_flag_callback, &over).id != 0);
    CHECK_EQ(echo(socket, &rounds, &over), 0);
    CHECK_EQ(async_close(socket), 0);
    return 0;
}

LOOP_TEST(transfer_that_need_not_wait_does_not_switch)
{
    char byte;
    bool others_ran = false;
    struct sockets pair = unix_sockets(SOCK_STREAM);
    CHECK(async_call_soon(set_flag_callback, &others_ran).id != 0);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(async_send(pair.here, "x", 1, 0), 1);
        CHECK_EQ(async_recvfrom(pair.there, &byte, 1, 0, NULL, NULL), 1);
    }
    CHECK(!others_ran);
    turns(1);
    CHECK(others_ran);
    close_both(pair);
    return 0;
}
