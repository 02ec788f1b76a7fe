/*
 * test_faults_socket.c: programs for tests/scripts/faults.py (see test_faults.c) with sockets:
 * whatever fails, a task that waits for its peer gets a result, no byte is lost or doubled, and no
 * descriptor is left.
 */
#include "run/sockets.h"
#include "fault_test.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Ends both directions, so that the peer reads the end. */
static void hang_up(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

/* Closes it even where async_close fails because it cannot check the descriptor. */
static void close_surely(int fd)
{
    if (fd >= 0 && async_close(fd) < 0)
        close(fd);
}

/* Echoes until the end. */
static int echo(int fd)
{
    char bytes[7];
    int count;
    do {
        count = answer(async_recvfrom(fd, bytes, sizeof bytes, 0, NULL, NULL));
        if (count > 0)
            count = answer(async_sendall(fd, bytes, (size_t)count, 0)) < 0 ? -EPIPE : count;
    } while (count > 0);
    hang_up(fd);
    return count;
}

static int serve(int server)
{
    int fd = answer(async_accept(server, NULL, NULL));
    if (fd < 0)
        hang_up(server); /* clients in the backlog get an error */
    if (fd < 0)
        return fd;
    int result = echo(fd);
    close_surely(fd);
    return result;
}
async_fn(serve, int);

/* Bytes of their own, by each pair of calls. */
static int converse(int fd)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        char byte = (char)i;
        struct iovec part = {.iov_base = &byte, .iov_len = 1};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        int result = answer(i % 2 == 0 ? async_send(fd, &byte, 1, 0)
                                       : async_sendmsg(fd, &message, 0));
        if (result == 1)
            result = answer(i % 3 == 0 ? async_recv(fd, &byte, 1, 0)
                                       : async_recvmsg(fd, &message, 0));
        CHECK(result != -ECANCELED); /* no task was cancelled */
        if (result != 1)
            return result < 0 ? result : -EPIPE;
        CHECK_EQ(byte, i);
        promised[i]++;
        kept[i]++;
    }
    return 0;
}

static int connect_and_converse(struct sockaddr_in address)
{
    int fd = answer(async_socket(AF_INET, SOCK_STREAM, 0));
    int result = fd;
    if (fd >= 0)
        result = answer(async_connect(fd, (struct sockaddr *)&address, sizeof address));
    if (result == 0)
        result = converse(fd);
    close_surely(fd);
    return result;
}
async_fn(connect_and_converse, struct sockaddr_in);

FAULTS_TEST(a_server_of_sockets_answers_or_ends)
{
    int server = listener(4);
    struct sockaddr_in address = address_of(server);
    async_task *serving = async_create_task(serve, server);
    int result = answer(serving != NULL ? 0 : -ENOMEM);
    if (result == 0)
        result = connect_and_converse(address);
    if (result < 0)
        hang_up(server); /* it may never have come there */
    answer(async_await(serving));
    close_surely(server);
    return 0;
}

/* Each number is received once, if sending it succeeded. */
FAULTS_TEST(each_datagram_that_was_sent_is_received_once)
{
    struct sockets pair = udp_sockets();
    struct sockaddr_in to = address_of(pair.there), from;
    for (int i = 0; i < ACCOUNTS; i++) {
        char byte = (char)i;
        unsigned size = sizeof from;
        if (answer(async_sendto(pair.here, &byte, 1, 0, i % 2 == 0 ? (struct sockaddr *)&to : NULL,
                                i % 2 == 0 ? sizeof to : 0)) != 1)
            continue;
        promised[i]++;
        if (answer(async_recvfrom(pair.there, &byte, 1, 0, (struct sockaddr *)&from, &size)) != 1)
            CHECK_EQ(recv(pair.there, &byte, 1, MSG_DONTWAIT), 1); /* it is there still */
        CHECK_EQ(byte, i);
        kept[i]++;
    }
    close_surely(pair.here);
    close_surely(pair.there);
    return 0;
}

/* From a file to a socket, from there by a pipe to another one. */
static int pass_on(int from, int to)
{
    int ends[2], count;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    while ((count = answer(async_splice(from, NULL, ends[1], NULL, 16, 0))) > 0)
        while (count > 0) {
            int moved = answer(async_splice(ends[0], NULL, to, NULL, (size_t)count, 0));
            count = moved > 0 ? count - moved : moved < 0 ? moved : -EPIPE;
        }
    hang_up(from);
    hang_up(to);
    close(ends[0]);
    close(ends[1]);
    return count;
}
async_fn(pass_on, int, int);

static int send_file(int fd)
{
    off_t offset = 0;
    int count, file = memfd_create("bytes", MFD_CLOEXEC);
    for (char byte = 0; byte < ACCOUNTS; byte++)
        CHECK_EQ(write(file, &byte, 1), 1);
    while ((count = answer(async_sendfile(fd, file, &offset, ACCOUNTS))) > 0)
        continue;
    close(file);
    shutdown(fd, SHUT_WR);
    return count;
}

FAULTS_TEST(bytes_that_never_come_to_the_program_arrive_in_order)
{
    struct sockets first = unix_sockets(SOCK_STREAM), second = unix_sockets(SOCK_STREAM);
    char bytes[ACCOUNTS + 1];
    async_task *task = async_create_task(pass_on, first.there, second.here);
    if (answer(task != NULL ? 0 : -ENOMEM) < 0)
        hang_up(second.here);
    answer(send_file(first.here));
    int received = 0, count;
    while ((count = answer(async_recv(second.there, bytes, sizeof bytes, 0))) > 0)
        for (int i = 0; i < count; i++, received++)
            CHECK_EQ(bytes[i], received);
    CHECK(received == ACCOUNTS || !nothing_fails);
    hang_up(second.there);
    answer(async_await(task));
    close_both(first);
    close_both(second);
    return 0;
}

static int receive_until_closed(int fd)
{
    char byte;
    int result = async_recv(fd, &byte, 1, 0);
    CHECK(result < 0);
    return 0;
}
async_fn(receive_until_closed, int);

static int send_until_closed(int fd)
{
    int result = async_sendall(fd, "x", 1, 0);
    CHECK(result < 0);
    return 0;
}
async_fn(send_until_closed, int);

FAULTS_TEST(a_wait_on_a_descriptor_ends_when_it_is_closed)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    fill_socket(pair.here);
    async_task *tasks[] = {async_create_task(receive_until_closed, pair.here),
                           async_create_task(send_until_closed, pair.here)};
    for (int i = 0; i < 2; i++)
        answer(tasks[i] != NULL ? 0 : -ENOMEM);
    async_ignore(async_sleep(0));
    async_ignore(async_sleep(0));
    if (answer(async_close(pair.here)) < 0)
        for (int i = 0; i < 2; i++)
            async_task_cancel(tasks[i]);
    for (int i = 0; i < 2; i++)
        answer(async_await(tasks[i]));
    if (fcntl(pair.here, F_GETFD) >= 0)
        close(pair.here);
    drain_socket(pair.there);
    char byte;
    CHECK_EQ(answer(async_recv(pair.there, &byte, 1, 0)) > 0, false);
    close_surely(pair.there);
    return 0;
}
