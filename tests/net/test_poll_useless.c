/*
 * test_poll_useless.c: events that do not help a waiting call. The loop sleeps on instead of
 * getting the same event again and again: the test counts the system calls during a wait.
 */
#include "run/sockets.h"
#include "run/streams.h"
#include "sys/fault.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/sendfile.h>

enum { FEW = 90 };

#if ASYNC_CHECKS
static atomic_int looks;

static int count_looks(enum fault_site site)
{
    looks += site == SITE_EPOLL_WAIT || site == SITE_EPOLL_PWAIT2 || site == SITE_URING_ENTER ||
             site == SITE_POLL;
    return 0;
}
#endif

/* Runs the call for a twentieth of a second, in which nothing comes. */
#define CHECK_SLEEPS(...)                                                                          \
    do {                                                                                           \
        begin_to_count();                                                                          \
        CHECK_EQ(async_timeout(0.05, __VA_ARGS__), -ETIMEDOUT);                                    \
        CHECK(count() < FEW);                                                                      \
    } while (0)

static void begin_to_count(void)
{
#if ASYNC_CHECKS
    looks = 0;
    asyncp_fault = count_looks;
#else
    test_skip("calls of the kernel are counted in builds with checks");
#endif
}

static int count(void)
{
#if ASYNC_CHECKS
    asyncp_fault = NULL;
    return looks;
#else
    return 0;
#endif
}

/* A full socket whose peer has shut down its direction. */
static struct sockets half_closed(void)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    fill_socket(pair.here);
    CHECK_EQ(shutdown(pair.there, SHUT_WR), 0);
    return pair;
}

LOOP_TEST(poll_sleeps_while_a_full_socket_s_peer_has_ended)
{
    static char much[1 << 16];
    struct sockets pair = half_closed();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), ends[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(fcntl(pair.here, F_SETFL, O_NONBLOCK), 0);
    while (sendfile(pair.here, file, NULL, 1000) >
           0) /* older kernels have room for it where send has none */
        continue;
    CHECK_SLEEPS(async_wait_writable(pair.here));
    CHECK_SLEEPS(async_send(pair.here, much, sizeof much, 0));
    CHECK_SLEEPS(async_sendall(pair.here, much, sizeof much, 0));
    CHECK_SLEEPS(async_sendfile(pair.here, file, NULL, 1000));
    CHECK_SLEEPS(async_splice(ends[0], NULL, pair.here, NULL, 1, 0));
    CHECK_SLEEPS(async_select(async_on_writable(pair.here)));
    close_both(pair);
    close(file);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static int make_room(int fd)
{
    ASYNC_TRY(async_sleep(0.001));
    drain_socket(fd);
    return 0;
}
async_fn(make_room, int);

LOOP_TEST(poll_reports_room_in_a_socket_whose_peer_has_ended)
{
    for (int i = 0; i < 3; i++) {
        struct sockets pair = half_closed();
        async_task *task = async_create_task(make_room, pair.there);
        CHECK_EQ(i == 0   ? async_wait_writable(pair.here)
                 : i == 1 ? async_select(async_on_writable(pair.here))
                          : async_sendall(pair.here, "x", 1, 0),
                 0);
        CHECK_EQ(async_await(task), 0);
        CHECK_EQ(async_wait_writable(pair.here), 0); /* which is so now */
        close_both(pair);
    }
    return 0;
}

LOOP_TEST(poll_is_left_by_a_wait_for_room_at_a_peer_that_has_ended)
{
    struct sockets pair = half_closed();
    for (int i = 0; i < 10; i++)
        CHECK_EQ(async_timeout(0.001 * i, async_wait_writable(pair.here)), -ETIMEDOUT);
    drain_socket(pair.there);
    CHECK_EQ(async_wait_writable(pair.here), 0);
    close_both(pair);
    return 0;
}

static int close_soon(int fd)
{
    ASYNC_TRY(async_sleep(0.001));
    return async_close(fd);
}
async_fn(close_soon, int);

LOOP_TEST(poll_closes_a_full_socket_whose_peer_has_ended)
{
    struct sockets pair = half_closed();
    async_task *task = async_create_task(close_soon, pair.here);
    CHECK_EQ(async_wait_writable(pair.here), -EBADF);
    CHECK_EQ(async_await(task), 0);
    close(pair.there);
    return 0;
}

/*
 * A socket of UDP with an error in its queue that is not read, as a resolver or a traceroute has.
 */
static int with_an_error(void)
{
    struct sockets pair = {bound_socket(SOCK_DGRAM, 0), bound_socket(SOCK_DGRAM, 0)};
    struct sockaddr_in nobody_s = address_of(pair.there);
    const int on = 1;
    char byte;
    close(pair.there);
    CHECK_EQ(setsockopt(pair.here, IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
    CHECK_EQ(sendto(pair.here, "x", 1, 0, (struct sockaddr *)&nobody_s, sizeof nobody_s), 1);
    CHECK_EQ(async_recv(pair.here, &byte, 1, 0), -ECONNREFUSED); /* once; the queue has it still */
    return pair.here;
}

LOOP_TEST(poll_sleeps_while_an_error_queue_is_not_read)
{
    char byte;
    int socket = with_an_error();
    CHECK_SLEEPS(async_recv(socket, &byte, 1, 0));
    CHECK_SLEEPS(async_recvfrom(socket, &byte, 1, 0, NULL, NULL));
    struct iovec room = {&byte, 1}; /* without any, qemu-user says 0 */
    CHECK_SLEEPS(async_recvmsg(socket, &(struct msghdr){.msg_iov = &room, .msg_iovlen = 1}, 0));
    close(socket);
    return 0;
}

static int send_to(int to)
{
    struct sockaddr_in address = address_of(to);
    int from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASYNC_TRY(async_sleep(0.001));
    CHECK_EQ(sendto(from, "y", 1, 0, (struct sockaddr *)&address, sizeof address), 1);
    close(from);
    return 0;
}
async_fn(send_to, int);

LOOP_TEST(poll_reports_data_beside_an_error_queue)
{
    char byte = 0;
    int socket = with_an_error();
    for (int i = 0; i < 3; i++) {
        async_task *task = async_create_task(send_to, socket);
        CHECK_EQ(async_recv(socket, &byte, 1, 0), 1);
        CHECK_EQ(byte, 'y');
        CHECK_EQ(async_await(task), 0);
    }
    close(socket);
    return 0;
}
