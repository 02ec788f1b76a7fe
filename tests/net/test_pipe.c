/*
 * test_pipe.c: streams of the ends of pipes: bytes, ends, errors, a full pipe, closing. No test
 * ignores SIGPIPE: one that a stream raised would end the case.
 */
#include "net/stream.h"
#include "run/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { MUCH = 1 << 20 };

struct pipe_streams {
    async_stream *reader;
    async_stream *writer;
};

static struct pipe_streams new_pipe_streams(void)
{
    struct pipe_streams streams;
    int ends[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_EQ(asyncp_stream_make_pipe(asyncp_current, &streams.reader, ends[0], SIDE_READ), 0);
    CHECK_EQ(asyncp_stream_make_pipe(asyncp_current, &streams.writer, ends[1], SIDE_WRITE), 0);
    return streams;
}

static void close_pipe_streams(struct pipe_streams streams)
{
    async_stream_close(streams.reader);
    async_stream_close(streams.writer);
}

static int read_text(async_stream *stream, char *text, size_t size)
{
    int length = async_stream_read(stream, text, size - 1);
    text[length > 0 ? length : 0] = 0;
    return length;
}
async_fn(read_text, async_stream *, char *, size_t);

static int write_much(async_stream *stream)
{
    static const char bytes[MUCH];
    ASYNC_TRY(async_stream_write(stream, bytes, sizeof bytes));
    return async_stream_drain(stream);
}
async_fn(write_much, async_stream *);

static int read_much(async_stream *stream)
{
    char bytes[10000];
    int total = 0, result;
    while ((result = async_stream_read(stream, bytes, sizeof bytes)) > 0)
        total += result;
    return result < 0 ? result : total;
}
async_fn(read_much, async_stream *);

LOOP_TEST(pipe_carries_lines_and_the_end)
{
    struct pipe_streams streams = new_pipe_streams();
    char line[16];
    CHECK_EQ(async_stream_printf(streams.writer, "one\ntwo"), 7);
    async_stream_close(streams.writer);
    CHECK_EQ(async_stream_readline(streams.reader, line, sizeof line), 4);
    CHECK_STR(line, "one\n");
    CHECK_EQ(async_stream_readline(streams.reader, line, sizeof line), 3);
    CHECK_EQ(async_stream_readline(streams.reader, line, sizeof line), 0);
    CHECK(async_stream_at_eof(streams.reader));
    async_stream_close(streams.reader);
    return 0;
}

LOOP_TEST(pipe_wakes_a_waiting_reader_with_bytes_and_with_the_end)
{
    struct pipe_streams streams = new_pipe_streams();
    char text[16];
    async_task *reader = async_create_task(read_text, streams.reader, text, sizeof text);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(reader));
    CHECK_EQ(async_stream_write(streams.writer, "x", 1), 0);
    CHECK_EQ(async_await(reader), 1);
    reader = async_create_task(read_text, streams.reader, text, sizeof text);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_stream_wait_closed(streams.writer), 0);
    CHECK_EQ(async_await(reader), 0);
    async_stream_close(streams.reader);
    return 0;
}

LOOP_TEST(pipe_that_is_full_is_drained)
{
    struct pipe_streams streams = new_pipe_streams();
    async_task *writer = async_create_task(write_much, streams.writer);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK(!async_task_done(writer));
    async_task *reader = async_create_task(read_much, streams.reader);
    CHECK_EQ(async_await(writer), 0);
    CHECK_EQ(async_stream_wait_closed(streams.writer), 0);
    CHECK_EQ(async_await(reader), MUCH);
    async_stream_close(streams.reader);
    return 0;
}

LOOP_TEST(pipe_without_a_reader_refuses_writes)
{
    struct pipe_streams streams = new_pipe_streams();
    async_stream_close(streams.reader);
    CHECK_EQ(write_much(streams.writer), -EPIPE);
    CHECK_EQ(async_stream_write(streams.writer, "x", 1), -EPIPE);
    CHECK_EQ(async_stream_wait_closed(streams.writer), -EPIPE);
    return 0;
}

LOOP_TEST(pipe_tells_a_draining_writer_that_the_reader_has_gone)
{
    struct pipe_streams streams = new_pipe_streams();
    async_task *writer = async_create_task(write_much, streams.writer);
    CHECK_EQ(async_sleep(0.01), 0);
    async_stream_close(streams.reader);
    CHECK_EQ(async_await(writer), -EPIPE);
    async_stream_close(streams.writer);
    return 0;
}

LOOP_TEST(pipe_leaves_a_pending_sigpipe_alone)
{
    struct pipe_streams streams = new_pipe_streams();
    sigset_t sigpipe, before, pending;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &sigpipe, &before), 0);
    async_stream_close(streams.reader);
    CHECK_EQ(write_much(streams.writer), -EPIPE);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK_EQ(sigismember(&pending, SIGPIPE), 0);
    CHECK_EQ(raise(SIGPIPE), 0);
    async_stream_close(streams.writer);
    streams = new_pipe_streams();
    async_stream_close(streams.reader);
    CHECK_EQ(write_much(streams.writer), -EPIPE);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK_EQ(sigismember(&pending, SIGPIPE), 1);
    CHECK_EQ(sigwaitinfo(&sigpipe, NULL), SIGPIPE);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    async_stream_close(streams.writer);
    return 0;
}

LOOP_TEST(pipe_has_one_direction)
{
    struct pipe_streams streams = new_pipe_streams();
    char byte;
    CHECK_EQ(async_stream_write(streams.reader, "x", 1), -EBADF);
    CHECK(strstr(async_strerror(-EBADF), "for reading only") != NULL);
    CHECK_EQ(async_stream_printf(streams.reader, "x"), -EBADF);
    CHECK_EQ(async_stream_write_eof(streams.reader), -EBADF);
    CHECK_EQ(async_stream_sendfile(streams.reader, 0, 0, 1), -EBADF);
    CHECK_EQ(async_stream_read(streams.writer, &byte, 1), -EBADF);
    CHECK(strstr(async_strerror(-EBADF), "for writing only") != NULL);
    CHECK_EQ(async_stream_readexactly(streams.writer, &byte, 1), -EBADF);
    CHECK(!async_stream_at_eof(streams.writer));
    CHECK_EQ(async_stream_drain(streams.reader), 0);
    CHECK_EQ(async_stream_write(streams.writer, "x", 1), 0);
    CHECK_EQ(async_stream_read(streams.reader, &byte, 1), 1);
    close_pipe_streams(streams);
    return 0;
}

LOOP_TEST(pipe_write_eof_closes_the_end_after_the_bytes)
{
    struct pipe_streams streams = new_pipe_streams();
    async_task *writer = async_create_task(write_much, streams.writer);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_stream_write_eof(streams.writer), 0);
    CHECK_EQ(async_stream_write_eof(streams.writer), 0);
    CHECK(async_stream_fd(streams.writer) >= 0);
    CHECK_EQ(read_much(streams.reader), MUCH);
    CHECK_EQ(async_await(writer), 0);
    CHECK_EQ(async_stream_fd(streams.writer), -1);
    CHECK_EQ(async_stream_write(streams.writer, "x", 1), -EPIPE);
    CHECK_EQ(async_stream_wait_closed(streams.writer), 0);
    async_stream_close(streams.reader);
    return 0;
}

LOOP_TEST(pipe_close_sends_what_was_written)
{
    struct pipe_streams streams = new_pipe_streams();
    async_ignore(async_timeout(0.01, write_much(streams.writer)));
    async_stream_close(streams.writer);
    CHECK_EQ(read_much(streams.reader), MUCH);
    async_stream_close(streams.reader);
    return 0;
}

LOOP_TEST(pipe_close_with_unread_input_is_quick)
{
    struct pipe_streams streams = new_pipe_streams();
    char byte;
    CHECK_EQ(async_stream_write(streams.writer, "xyz", 3), 0);
    CHECK_EQ(async_stream_read(streams.reader, &byte, 1), 1);
    CHECK_EQ(async_stream_wait_closed(streams.reader), 0);
    CHECK_EQ(async_stream_wait_closed(streams.writer), 0);
    return 0;
}

LOOP_TEST(pipe_read_that_is_cancelled_has_taken_nothing)
{
    struct pipe_streams streams = new_pipe_streams();
    char line[16];
    CHECK_EQ(async_stream_write(streams.writer, "begin ", 6), 0);
    CHECK_EQ(async_timeout(0.01, async_stream_readline(streams.reader, line, sizeof line)),
             -ETIMEDOUT);
    CHECK_EQ(async_stream_write(streams.writer, "end\n", 4), 0);
    CHECK_EQ(async_stream_readline(streams.reader, line, sizeof line), 10);
    CHECK_STR(line, "begin end\n");
    close_pipe_streams(streams);
    return 0;
}

LOOP_TEST(pipe_takes_a_file)
{
    struct pipe_streams streams = new_pipe_streams();
    char text[64];
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQ(async_stream_sendfile(streams.writer, file, 1, 3), 3);
    CHECK_EQ(read_text(streams.reader, text, sizeof text), 3);
    CHECK_STR(text, "ELF");
    close(file);
    close_pipe_streams(streams);
    return 0;
}

LOOP_TEST(pipe_can_be_selected)
{
    struct pipe_streams streams = new_pipe_streams();
    CHECK_EQ(async_stream_write(streams.writer, "x", 1), 0);
    CHECK_EQ(async_select(async_on_stream(streams.reader)), 0);
    async_stream_abort(streams.writer);
    close_pipe_streams(streams);
    return 0;
}
