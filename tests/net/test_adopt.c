/*
 * test_adopt.c: streams of descriptors that others have too: of each kind, by each way in which the
 * kernel can be asked without blocking. The flags of the description never change.
 */
#include "run/deny.h"
#include "run/faults.h"
#include "run/runner.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MUCH = 1 << 20 };

static const char all_bytes[MUCH];

/* A pipe as two processes have it: the streams' ends, and others of the same descriptions. */
struct shared_pipe {
    async_stream *reader, *writer;
    int other_reader, other_writer;
};

static struct shared_pipe new_shared_pipe(void)
{
    struct shared_pipe shared;
    int fds[2];
    CHECK_EQ(async_pipe(fds), 0);
    shared.other_reader = dup(fds[0]);
    shared.other_writer = dup(fds[1]);
    CHECK_EQ(async_connect_read_pipe(&shared.reader, fds[0]), 0);
    CHECK_EQ(async_connect_write_pipe(&shared.writer, fds[1]), 0);
    return shared;
}

static void close_shared_pipe(struct shared_pipe shared)
{
    CHECK_EQ(fcntl(shared.other_reader, F_GETFL), O_RDONLY);
    close(shared.other_reader);
    async_stream_close(shared.reader);
    async_stream_close(shared.writer);
}

static int adopt_read_byte(async_stream *stream)
{
    char byte;
    int result = async_stream_read(stream, &byte, 1);
    return result > 0 ? byte : result;
}
async_fn(adopt_read_byte, async_stream *);

static int adopt_write_much(async_stream *stream)
{
    ASYNC_TRY(async_stream_write(stream, all_bytes, sizeof all_bytes));
    return async_stream_drain(stream);
}
async_fn(adopt_write_much, async_stream *);

static int adopt_read_much(async_stream *stream, int total)
{
    char bytes[10000];
    int seen = 0;
    while (seen < total) {
        size_t left = (size_t)(total - seen), size = left < sizeof bytes ? left : sizeof bytes;
        int result = async_stream_read(stream, bytes, size);
        if (result <= 0)
            return result < 0 ? result : seen;
        seen += result;
    }
    return seen;
}
async_fn(adopt_read_much, async_stream *, int);

/* As for a pipe of another user, or in a sandbox. */
static void refuse_to_open_again(void)
{
    static struct fault_record record;
    struct fault fault;
    CHECK(fault_parse("reopen:EACCES:1+", &fault));
    faults_begin(&fault, &record);
}

/* ---- pipes ---------------------------------------------------------------------------------- */

static void carry_bytes(struct shared_pipe shared)
{
    async_task *reader = async_create_task(adopt_read_byte, shared.reader);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(reader));
    CHECK_EQ(async_stream_write(shared.writer, "x", 1), 0);
    CHECK_EQ(async_await(reader), 'x');
}

static void fill_and_drain(struct shared_pipe shared)
{
    async_task *writer = async_create_task(adopt_write_much, shared.writer);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(writer));
    async_task *reader = async_create_task(adopt_read_much, shared.reader, MUCH);
    CHECK_EQ(async_await(writer), 0);
    CHECK_EQ(async_await(reader), MUCH);
}

/* The other holder of the reader's description takes a byte; the stream goes on waiting. */
static void share_the_reader(struct shared_pipe shared)
{
    char byte;
    async_task *reader = async_create_task(adopt_read_byte, shared.reader);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(write(shared.other_writer, "y", 1), 1);
    CHECK_EQ(read(shared.other_reader, &byte, 1), 1);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(reader));
    CHECK_EQ(write(shared.other_writer, "z", 1), 1);
    CHECK_EQ(async_await(reader), 'z');
}

static void end_without_writers(struct shared_pipe *shared)
{
    async_task *reader = async_create_task(adopt_read_byte, shared->reader);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_stream_write_eof(shared->writer), 0);
    CHECK_EQ(fcntl(shared->other_writer, F_GETFL), O_WRONLY);
    close(shared->other_writer);
    CHECK_EQ(async_await(reader), 0);
    shared->other_writer = -1;
}

static void refuse_without_readers(void)
{
    struct shared_pipe shared = new_shared_pipe();
    async_stream_close(shared.reader);
    close(shared.other_reader);
    CHECK_EQ(adopt_write_much(shared.writer), -EPIPE);
    CHECK_EQ(async_stream_wait_closed(shared.writer), -EPIPE);
    close(shared.other_writer);
}

static int use_shared_pipes(void)
{
    struct shared_pipe shared = new_shared_pipe();
    carry_bytes(shared);
    fill_and_drain(shared);
    share_the_reader(shared);
    end_without_writers(&shared);
    close_shared_pipe(shared);
    refuse_without_readers();
    return 0;
}

LOOP_TEST(adopt_pipes_by_opening_them_again)
{
    return use_shared_pipes();
}

LOOP_TEST(adopt_pipes_that_cannot_be_opened_again)
{
    refuse_to_open_again();
    return use_shared_pipes();
}

/* The same before Linux 6.5. */
LOOP_TEST(adopt_pipes_by_polling_them)
{
    refuse_to_open_again();
    deny_call(SYS_preadv2, EOPNOTSUPP);
    deny_call(SYS_pwritev2, EOPNOTSUPP);
    return use_shared_pipes();
}

/* ---- other kinds ---------------------------------------------------------------------------- */

LOOP_TEST(adopt_a_regular_file_reads_and_writes_it)
{
    char path[] = "/tmp/asyncio-adopt-XXXXXX", text[16];
    int fd = mkstemp(path);
    async_stream *stream;
    CHECK(fd >= 0);
    CHECK_EQ(async_connect_write_pipe(&stream, dup(fd)), 0);
    CHECK_EQ(adopt_write_much(stream), 0);
    CHECK_EQ(async_stream_write(stream, "end", 3), 0);
    CHECK_EQ(async_stream_wait_closed(stream), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), MUCH + 3);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(async_connect_read_pipe(&stream, dup(fd)), 0);
    CHECK_EQ(adopt_read_much(stream, MUCH), MUCH);
    CHECK_EQ(async_stream_read(stream, text, sizeof text), 3);
    CHECK_EQ(async_stream_read(stream, text, sizeof text), 0);
    async_stream_close(stream);
    close(fd);
    unlink(path);
    return 0;
}

LOOP_TEST(adopt_dev_null_and_dev_full)
{
    async_stream *stream;
    char byte;
    CHECK_EQ(async_connect_read_pipe(&stream, open("/dev/null", O_RDONLY | O_CLOEXEC)), 0);
    CHECK_EQ(async_stream_read(stream, &byte, 1), 0);
    async_stream_close(stream);
    CHECK_EQ(async_connect_write_pipe(&stream, open("/dev/null", O_WRONLY | O_CLOEXEC)), 0);
    CHECK_EQ(adopt_write_much(stream), 0);
    CHECK_EQ(async_stream_wait_closed(stream), 0);
    CHECK_EQ(async_connect_write_pipe(&stream, open("/dev/full", O_WRONLY | O_CLOEXEC)), 0);
    CHECK_EQ(adopt_write_much(stream), -ENOSPC);
    CHECK_EQ(async_stream_wait_closed(stream), -ENOSPC);
    return 0;
}

LOOP_TEST(adopt_a_socket_leaves_it_blocking_and_open)
{
    int ends[2];
    async_stream *reader, *writer;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    int other = dup(ends[1]);
    CHECK_EQ(async_connect_read_pipe(&reader, ends[0]), 0);
    CHECK_EQ(async_connect_write_pipe(&writer, ends[1]), 0);
    async_task *task = async_create_task(adopt_write_much, writer);
    CHECK_EQ(adopt_read_much(reader, MUCH), MUCH);
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(async_stream_write_eof(writer), 0);
    CHECK_EQ(async_stream_wait_closed(writer), 0);
    CHECK_EQ(fcntl(other, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(write(other, "x", 1), 1);
    CHECK_EQ(adopt_read_byte(reader), 'x');
    close(other);
    CHECK_EQ(adopt_read_byte(reader), 0);
    async_stream_close(reader);
    return 0;
}

/* A new terminal in raw mode. */
static void new_terminal(int *master, int *slave)
{
    struct termios settings;
    CHECK_EQ(openpty(master, slave, NULL, NULL, NULL), 0);
    CHECK_EQ(tcgetattr(*slave, &settings), 0);
    cfmakeraw(&settings);
    CHECK_EQ(tcsetattr(*slave, TCSANOW, &settings), 0);
    fcntl(*master, F_SETFD, FD_CLOEXEC);
    fcntl(*slave, F_SETFD, FD_CLOEXEC);
}

static int use_terminal(int master, int slave, int master_flag)
{
    async_stream *reader, *writer;
    int other_master = dup(master), other_slave = dup(slave);
    CHECK_EQ(async_connect_read_pipe(&reader, slave), 0);
    CHECK_EQ(async_connect_write_pipe(&writer, master), 0);
    async_task *task = async_create_task(adopt_read_byte, reader);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(task));
    CHECK_EQ(async_stream_write(writer, "xyz", 3), 0);
    CHECK_EQ(async_await(task), 'x');
    CHECK_EQ(adopt_read_byte(reader), 'y');
    CHECK_EQ(fcntl(other_master, F_GETFL) & O_NONBLOCK, master_flag);
    CHECK_EQ(fcntl(other_slave, F_GETFL) & O_NONBLOCK, 0);
    close(other_slave);
    async_stream_close(reader);
    async_stream_close(writer);
    close(other_master);
    return 0;
}

LOOP_TEST(adopt_a_terminal_by_opening_it_again)
{
    int master, slave;
    new_terminal(&master, &slave);
    return use_terminal(master, slave, 0);
}

LOOP_TEST(adopt_a_terminal_by_polling_it)
{
    int master, slave;
    new_terminal(&master, &slave);
    refuse_to_open_again();
    return use_terminal(master, slave, 0);
}

LOOP_TEST(adopt_a_master_reads_everything_and_then_the_end)
{
    int master, slave;
    async_stream *reader, *writer;
    new_terminal(&master, &slave);
    CHECK_EQ(async_connect_read_pipe(&reader, master), 0);
    CHECK_EQ(async_connect_write_pipe(&writer, slave), 0);
    async_task *task = async_create_task(adopt_write_much, writer);
    CHECK_EQ(adopt_read_much(reader, MUCH - 5), MUCH - 5);
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(async_stream_wait_closed(writer), 0);
    CHECK_EQ(adopt_read_much(reader, MUCH), 5);
    CHECK(async_stream_at_eof(reader));
    async_stream_close(reader);
    return 0;
}

LOOP_TEST(adopt_a_master_that_is_non_blocking_already)
{
    int master, slave;
    new_terminal(&master, &slave);
    CHECK_EQ(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    return use_terminal(master, slave, O_NONBLOCK);
}

/* ---- what is refused ------------------------------------------------------------------------ */

LOOP_TEST(adopt_refuses_what_is_not_open_in_that_direction)
{
    async_stream *stream;
    int fds[2], directory = open("/", O_RDONLY | O_CLOEXEC), path = open("/", O_PATH | O_CLOEXEC);
    int datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(async_pipe(fds), 0);
    CHECK_EQ(async_connect_read_pipe(&stream, fds[1]), -EINVAL);
    CHECK(strstr(async_strerror(-EINVAL), "open for writing only") != NULL);
    CHECK(stream == NULL);
    CHECK_EQ(async_connect_write_pipe(&stream, fds[0]), -EINVAL);
    CHECK_EQ(async_connect_read_pipe(&stream, directory), -EINVAL);
    CHECK(strstr(async_strerror(-EINVAL), "is a directory") != NULL);
    CHECK_EQ(async_connect_read_pipe(&stream, path), -EBADF);
    CHECK_EQ(async_connect_read_pipe(&stream, -1), -EBADF);
    CHECK_EQ(async_connect_read_pipe(&stream, datagrams), -EPROTOTYPE);
    CHECK_EQ(async_connect_read_pipe(NULL, fds[0]), -EINVAL);
    CHECK_EQ(async_pipe(NULL), -EINVAL);
    close(directory);
    close(path);
    close(datagrams);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

LOOP_TEST(adopt_refuses_the_descriptor_of_a_stream)
{
    async_stream *stream, *other;
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(async_stream_new(&stream, ends[0]), 0);
    CHECK_EQ(async_connect_read_pipe(&other, ends[0]), -EBUSY);
    async_stream_close(stream);
    close(ends[1]);
    return 0;
}

LOOP_TEST(adopt_leaves_the_descriptor_if_it_fails)
{
    async_stream *stream;
    int fds[2];
    CHECK_EQ(async_pipe(fds), 0);
    test_allow_allocations(0);
    CHECK_EQ(async_connect_read_pipe(&stream, fds[0]), -ENOMEM);
    test_allow_allocations(-1);
    close(fds[1]);
    CHECK_EQ(async_connect_read_pipe(&stream, fds[0]), 0);
    CHECK_EQ(adopt_read_byte(stream), 0);
    async_stream_close(stream);
    return 0;
}
