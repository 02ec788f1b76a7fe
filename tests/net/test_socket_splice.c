/*
 * test_socket_splice.c: bytes that go from file to socket and from pipe to pipe without coming to
 * the program.
 */
#include "run/sockets.h"
#include "run/coroutines.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

enum { LONG = 300000 };

/* A file of at most LONG bytes, each its place. */
static int new_file(size_t size)
{
    static unsigned char bytes[LONG];
    int file = memfd_create("bytes", MFD_CLOEXEC);
    CHECK(file >= 0);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i % 251);
    CHECK_EQ(write(file, bytes, size), (ssize_t)size);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    return file;
}

static int receive_places(int fd, size_t first)
{
    unsigned char bytes[5000];
    size_t place = first;
    int count;
    while ((count = async_recv(fd, bytes, sizeof bytes, 0)) > 0)
        for (int i = 0; i < count; i++)
            CHECK_EQ(bytes[i], place++ % 251);
    return count < 0 ? count : (int)(place - first);
}
async_fn(receive_places, int, size_t);

static void send_whole_file(struct sockets pair, bool by_offset)
{
    int file = new_file(LONG), result, total = 0;
    off_t offset = 7;
    async_task *receiver = async_create_task(receive_places, pair.there, by_offset ? 7 : 0);
    while ((result = async_sendfile(pair.here, file, by_offset ? &offset : NULL, SIZE_MAX)) > 0)
        total += result;
    CHECK_EQ(result, 0);
    CHECK_EQ(total, by_offset ? LONG - 7 : LONG);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), by_offset ? 0 : LONG);
    CHECK(!by_offset || offset == LONG);
    CHECK_EQ(shutdown(pair.here, SHUT_WR), 0);
    CHECK_EQ(async_await(receiver), total);
    close_both(pair);
    close(file);
}

LOOP_TEST(sendfile_sends_a_file_from_where_it_stands)
{
    send_whole_file(tcp_sockets(), false);
    send_whole_file(unix_sockets(SOCK_STREAM), false);
    return 0;
}

LOOP_TEST(sendfile_from_an_offset_leaves_the_file_where_it_stands)
{
    send_whole_file(tcp_sockets(), true);
    send_whole_file(unix_sockets(SOCK_STREAM), true);
    return 0;
}

LOOP_TEST(sendfile_gives_the_errors_of_its_descriptors)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    int file = new_file(10);
    off_t beyond = -1;
    CHECK_EQ(async_sendfile(-1, file, NULL, 1), -EBADF);
    CHECK_EQ(async_sendfile(pair.here, -1, NULL, 1), -EBADF);
    CHECK_EQ(async_sendfile(pair.here, file, &beyond, 1), -EINVAL);
    CHECK_EQ(async_sendfile(pair.here, file, NULL, 0), 0);
    CHECK_EQ(async_sendfile(pair.here, file, NULL, SIZE_MAX), 10);
    close(pair.there);
    lseek(file, 0, SEEK_SET);
    CHECK_EQ(async_sendfile(pair.here, file, NULL, 1), -EPIPE); /* and no SIGPIPE */
    close(pair.here);
    close(file);
    return 0;
}

/* Forwards bytes from one socket to another through a pipe, until the end. */
static int forward(int from, int to)
{
    int ends[2], result;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    while ((result = async_splice(from, NULL, ends[1], NULL, 1 << 16, 0)) > 0)
        for (int left = result; left > 0; left -= result)
            ASYNC_TRY(result = async_splice(ends[0], NULL, to, NULL, (size_t)left, 0));
    CHECK_EQ(async_close(ends[0]), 0);
    CHECK_EQ(async_close(ends[1]), 0);
    CHECK_EQ(shutdown(to, SHUT_WR), 0);
    return result;
}
async_fn(forward, int, int);

static int send_places(int fd)
{
    static unsigned char bytes[LONG];
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (unsigned char)(i % 251);
    ASYNC_TRY(async_sendall(fd, bytes, LONG, 0));
    return shutdown(fd, SHUT_WR);
}
async_fn(send_places, int);

static void forward_all(struct sockets first, struct sockets second)
{
    async_task *forwarder = async_create_task(forward, first.there, second.here);
    async_task *receiver = async_create_task(receive_places, second.there, 0);
    async_task *sender = async_create_task(send_places, first.here);
    CHECK_EQ(async_await(sender), 0);
    CHECK_EQ(async_await(forwarder), 0);
    CHECK_EQ(async_await(receiver), LONG);
    close_both(first);
    close_both(second);
}

LOOP_TEST(splice_forwards_a_stream)
{
    forward_all(tcp_sockets(), tcp_sockets());
    forward_all(unix_sockets(SOCK_STREAM), tcp_sockets());
    return 0;
}

static int splice_one(int in, int out)
{
    return async_splice(in, NULL, out, NULL, 1, 0);
}
async_fn(splice_one, int, int);

LOOP_TEST(splice_waits_for_the_side_that_is_not_ready)
{
    int from[2], to[2];
    char bytes[4096] = "";
    CHECK_EQ(pipe2(from, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_EQ(pipe2(to, O_CLOEXEC | O_NONBLOCK), 0);
    async_task *splicer = async_create_task(splice_one, from[0], to[1]);
    turns(3);
    CHECK(!async_task_done(splicer));
    while (write(to[1], bytes, sizeof bytes) > 0)
        continue;
    CHECK_EQ(write(from[1], "x", 1), 1);
    turns(3);
    CHECK(!async_task_done(splicer)); /* it has something, and no room */
    while (read(to[0], bytes, sizeof bytes) > 0)
        continue;
    CHECK_EQ(async_await(splicer), 1);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(async_close(from[i]), 0);
        CHECK_EQ(async_close(to[i]), 0);
    }
    return 0;
}

LOOP_TEST(splice_moves_offsets_of_files)
{
    int ends[2], file = new_file(10);
    off_t offset = 4;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(async_splice(file, &offset, ends[1], NULL, 100, 0), 6);
    CHECK_EQ(offset, 10);
    CHECK_EQ(async_splice(file, &offset, ends[1], NULL, 100, 0), 0);
    CHECK_EQ(async_close(ends[0]), 0);
    CHECK_EQ(async_close(ends[1]), 0);
    close(file);
    return 0;
}

LOOP_TEST(splice_gives_the_errors_of_its_descriptors)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    int ends[2];
    off_t offset = 0;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(async_splice(-1, NULL, ends[1], NULL, 1, 0), -EBADF);
    CHECK_EQ(async_splice(ends[0], NULL, -1, NULL, 1, 0), -EBADF);
    CHECK_EQ(async_splice(pair.here, NULL, pair.there, NULL, 1, 0), -EINVAL);
    CHECK_EQ(async_splice(ends[0], &offset, pair.here, NULL, 1, 0), -ESPIPE);
    CHECK_EQ(async_splice(ends[0], NULL, ends[1], NULL, 1, 0), -EINVAL);
    CHECK_EQ(async_close(ends[1]), 0);
    CHECK_EQ(async_splice(ends[0], NULL, pair.here, NULL, 1, 0), 0);
    CHECK_EQ(async_close(ends[0]), 0);
    close_both(pair);
    return 0;
}

static volatile int signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

LOOP_TEST(splice_never_raises_sigpipe_nor_takes_it_from_others)
{
    int from[2], to[2];
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = count_signal}, NULL);
    CHECK_EQ(pipe2(from, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(to, O_CLOEXEC), 0);
    CHECK_EQ(write(from[1], "x", 1), 1);
    close(to[0]);
    CHECK_EQ(async_splice(from[0], NULL, to[1], NULL, 1, 0), -EPIPE);
    CHECK_EQ(signals, 0);
    CHECK_EQ(write(to[1], "x", 1), -1);
    CHECK_EQ(signals, 1);
    close(from[0]);
    close(from[1]);
    close(to[1]);
    return 0;
}

/*
 * Loopback answers the first 64 KiB with a reset before the kernel takes more: it reports a part,
 * and has signalled.
 */
LOOP_TEST(sendfile_that_sends_a_part_raises_no_sigpipe)
{
    struct sockets pair = tcp_sockets();
    int file = new_file(LONG), result;
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = count_signal}, NULL);
    CHECK_EQ(async_close(pair.there), 0);
    while ((result = async_sendfile(pair.here, file, NULL, LONG)) > 0)
        ;
    CHECK(result == -EPIPE || result == -ECONNRESET);
    CHECK_EQ(signals, 0);
    close(pair.here);
    close(file);
    return 0;
}

static bool sigpipe_is_pending(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

/* A program may hold the signal back, and take it from sigwait. */
LOOP_TEST(sendfile_leaves_a_sigpipe_that_is_blocked_as_it_was)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    int file = new_file(1);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    close(pair.there);
    CHECK_EQ(async_sendfile(pair.here, file, NULL, 1), -EPIPE);
    CHECK(!sigpipe_is_pending());
    raise(SIGPIPE);
    CHECK_EQ(async_sendfile(pair.here, file, NULL, 1), -EPIPE);
    CHECK(sigpipe_is_pending());
    CHECK_EQ(sigwaitinfo(&blocked, NULL), SIGPIPE);
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL), 0);
    close(pair.here);
    close(file);
    return 0;
}
