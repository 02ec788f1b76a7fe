/*
 * test_stream_write.c: writing to streams: in which order and when it is sent, waiting for a peer
 * that is slow, and how a stream ends.
 */
#include "run/streams.h"

#include <limits.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MUCH = 4 << 20 };

/* With a limit: bytes may be lost on their way in a fault test. */
static void check_line(async_stream *stream, const char *expected)
{
    char line[64];
    int length = async_timeout(5, async_stream_readline(stream, line, sizeof line));
    CHECK_EQ(length, (int)strlen(expected));
    CHECK_STR(line, expected);
}

static int print(async_stream *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = async_stream_vprintf(stream, format, arguments);
    va_end(arguments);
    return length;
}

/*
 * The result of a reader; a reader that fails shuts down, so that its peer does not wait for more
 * reads.
 */
static int or_hang_up(const async_stream *stream, int result)
{
    if (result < 0)
        shutdown(async_stream_fd(stream), SHUT_RDWR);
    return result;
}

static int take_exactly(async_stream *stream, char *bytes, int size)
{
    return or_hang_up(stream, async_stream_readexactly(stream, bytes, (size_t)size));
}
async_fn(take_exactly, async_stream *, char *, int);

/* Bytes that have arrived at a socket whose stream has read none. */
static int arrived(const async_stream *stream)
{
    static char bytes[4096];
    return (int)recv(async_stream_fd(stream), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
}

/* ---- what is written, and when it is sent --------------------------------------------------- */

LOOP_TEST(stream_sends_little_data_when_the_iteration_ends)
{
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_write(pair.here, "a", 1), 0);
    CHECK_EQ(async_stream_write(pair.here, "b\n", 2), 0);
    CHECK_EQ(async_stream_pending(pair.here), 3);
    CHECK_EQ(arrived(pair.there), -1);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_stream_pending(pair.here), 0);
    CHECK_EQ(arrived(pair.there), 3);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_sends_much_data_at_once)
{
    static const char much[3000];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_write(pair.here, much, sizeof much), 0);
    CHECK_EQ(async_stream_pending(pair.here), 0);
    CHECK_EQ(arrived(pair.there), 3000);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_sends_what_was_written_before_it_waits_for_an_answer)
{
    struct pair pair = new_pair();
    char byte;
    CHECK_EQ(async_stream_write(pair.here, "x", 1), 0);
    CHECK_EQ(async_timeout(0.001, async_stream_read(pair.here, &byte, 1)), -ETIMEDOUT);
    CHECK_EQ(arrived(pair.there), 1);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_keeps_the_order_of_little_and_much)
{
    enum { ROUNDS = 200 };
    struct pair pair = new_pair();
    static char sent[ROUNDS * 10000], got[sizeof sent];
    size_t total = 0;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i ^ i >> 9);
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t size = i * 997 % 9999 + 1;
        CHECK_EQ(async_stream_write(pair.here, sent + total, size), 0);
        total += size;
    }
    CHECK_EQ(async_stream_readexactly(pair.there, got, total), (int)total);
    CHECK(memcmp(sent, got, total) == 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_printf_writes_texts_of_any_length)
{
    struct pair pair = new_pair();
    static char longer[3000], line[3010];
    memset(longer, 'x', sizeof longer - 1);
    CHECK_EQ(async_stream_printf(pair.here, "%d-%s\n", 42, "x"), 5);
    CHECK_EQ(print(pair.here, "%s\n", longer), 3000);
    check_line(pair.there, "42-x\n");
    CHECK_EQ(async_stream_readline(pair.there, line, sizeof line), 3000);
    struct iovec parts[] = {{"one ", 4}, {NULL, 0}, {"two\n", 4}};
    CHECK_EQ(async_stream_writev(pair.here, parts, 3), 0);
    check_line(pair.there, "one two\n");
    CHECK_EQ(async_stream_writev(pair.here, NULL, 1), -EINVAL);
    CHECK_EQ(async_stream_writev(pair.here, parts, -1), -EINVAL);
    CHECK_EQ(async_stream_write(pair.here, NULL, 1), -EINVAL);
    CHECK_EQ(async_stream_write(pair.here, NULL, 0), 0);
    const char *volatile none = NULL; /* volatile: or the compiler says so first */
    CHECK_EQ(print(pair.here, none), -EINVAL);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_write_without_memory_writes_nothing)
{
    struct pair pair = new_pair();
    test_allow_allocations(0);
    CHECK_EQ(async_stream_write(pair.here, "lost", 4), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(async_stream_write(pair.here, "kept\n", 5), 0);
    check_line(pair.there, "kept\n");
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_writev_without_memory_writes_nothing_of_all_its_parts)
{
    static char body[MUCH];
    struct pair pair = new_pair();
    const struct iovec parts[] = {{"HEAD", 4}, {NULL, 0}, {body, sizeof body}};
    char text[4];
    CHECK_EQ(async_stream_write(pair.here, "a", 1),
             0); /* there is a block with room for the first part */
    test_allow_allocations(0);
    CHECK_EQ(async_stream_writev(pair.here, parts, 3), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(async_stream_pending(pair.here), 1);
    CHECK_EQ(async_stream_write(pair.here, "b", 1), 0);
    CHECK_EQ(async_stream_readexactly(pair.there, text, 2), 2);
    CHECK(memcmp(text, "ab", 2) == 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_writev_refuses_a_part_that_is_null_before_it_writes_any)
{
    struct pair pair = new_pair();
    const struct iovec parts[] = {{"HEAD", 4}, {NULL, 3}}, many[] = {{"x", SIZE_MAX}, {"y", 2}};
    CHECK_EQ(async_stream_writev(pair.here, parts, 2), -EINVAL);
    CHECK_EQ(async_stream_writev(pair.here, many, 2), -EINVAL);
    CHECK_EQ(async_stream_writev(pair.here, NULL, 1), -EINVAL);
    CHECK_EQ(async_stream_writev(pair.here, parts, -1), -EINVAL);
    CHECK_EQ(async_stream_writev(pair.here, NULL, 0), 0);
    CHECK_EQ(async_stream_pending(pair.here), 0);
    close_pair(pair);
    return 0;
}

/* Parts of every size, and more than the socket takes at once. */
LOOP_TEST(stream_writev_writes_the_parts_in_their_order)
{
    enum { MAX_PARTS = 60, MAX_COUNT = 20000 };
    static char sent[MAX_PARTS * MAX_COUNT], got[MAX_PARTS * MAX_COUNT];
    struct pair pair = new_pair();
    struct iovec parts[MAX_PARTS];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 + i / 251);
    for (int round = 1; round <= MAX_PARTS; round++) {
        size_t total = 0;
        for (int i = 0; i < round; i++) {
            size_t length = (size_t)(i * 7919 + round * 104729) % (i % 3 == 0 ? 40 : MAX_COUNT);
            parts[i] = (struct iovec){sent + total, length};
            total += length;
        }
        CHECK_EQ(async_stream_writev(pair.here, parts, round), 0);
        CHECK_EQ(async_stream_readexactly(pair.there, got, total), (int)total);
        CHECK(memcmp(got, sent, total) == 0);
    }
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_sends_a_file_behind_what_was_written)
{
    enum { SIZE = 1 << 20 };
    static char bytes[SIZE + 5], got[SIZE + 5];
    struct pair pair = new_pair();
    int file = memfd_create("a file", MFD_CLOEXEC);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)(i ^ i >> 8);
    CHECK_EQ(write(file, bytes, SIZE), SIZE);
    async_task *taker = async_create_task(take_exactly, pair.there, got, SIZE - 100 + 4);
    CHECK_EQ(async_stream_write(pair.here, "head", 4), 0);
    CHECK_EQ(async_stream_sendfile(pair.here, file, 100, SIZE),
             SIZE - 100); /* the file ends before */
    CHECK_EQ(async_await(taker), SIZE - 100 + 4);
    CHECK(memcmp(got, "head", 4) == 0);
    CHECK(memcmp(got + 4, bytes + 100, SIZE - 100) == 0);
    CHECK_EQ(async_stream_sendfile(pair.here, file, SIZE - 7, INT_MAX), 7); /* all there is */
    CHECK_EQ(async_stream_sendfile(pair.here, file, SIZE, 1), 0);
    CHECK_EQ(async_stream_sendfile(pair.here, file, -1, 1), -EINVAL);
    CHECK_EQ(async_stream_sendfile(pair.here, -1, 0, 1), -EBADF);
    CHECK_EQ(async_stream_write_eof(pair.here), 0);
    CHECK_EQ(async_stream_sendfile(pair.here, file, 0, 1), -EPIPE);
    close(file);
    close_pair(pair);
    return 0;
}

/* ---- a peer that is slow -------------------------------------------------------------------- */

static int take(async_stream *stream, int total)
{
    const char *data;
    int size, sum = 0;
    while (sum < total && (size = or_hang_up(stream, async_stream_borrow(stream, &data))) > 0)
        sum += size;
    return sum;
}
async_fn(take, async_stream *, int);

LOOP_TEST(stream_drain_waits_until_the_low_mark)
{
    static char much[MUCH];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_set_write_buffer_limits(pair.here, 1000, 2000), -EINVAL);
    CHECK_EQ(async_stream_set_write_buffer_limits(pair.here, 100000, 5000), 0);
    CHECK_EQ(async_stream_drain(pair.here), 0);
    CHECK_EQ(async_stream_write(pair.here, much, MUCH), 0);
    CHECK(async_stream_pending(pair.here) > 100000);
    CHECK_EQ(async_timeout(0.001, async_stream_drain(pair.here)), -ETIMEDOUT);
    async_task *taker = async_create_task(take, pair.there, MUCH);
    CHECK_EQ(async_stream_drain(pair.here), 0);
    CHECK(async_stream_pending(pair.here) <= 5000);
    CHECK_EQ(async_await(taker), MUCH);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_drain_ends_when_the_low_mark_is_raised_above_what_is_pending)
{
    static char much[MUCH];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_set_write_buffer_limits(pair.here, 1000, 500), 0);
    CHECK_EQ(async_stream_write(pair.here, much, MUCH), 0);
    async_task *task = async_create_task(drain_stream, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_done(task));
    CHECK_EQ(async_stream_set_write_buffer_limits(pair.here, 2 * MUCH, MUCH), 0);
    CHECK_EQ(async_await(task), 0);
    CHECK(async_stream_pending(pair.here) > 0);
    async_stream_abort(pair.there);
    close_pair(pair);
    return 0;
}

static int write_without_end(async_stream *stream, const bool *over)
{
    static char much[5000];
    while (!*over) {
        CHECK_EQ(async_stream_write(stream, much, sizeof much), 0);
        ASYNC_TRY(async_stream_drain(stream));
        ssize_t size = recv(async_stream_fd(stream) + 1, much, sizeof much, MSG_DONTWAIT);
        CHECK(size == sizeof much); /* so that there is always room */
    }
    return 0;
}
async_fn(write_without_end, async_stream *, const bool *);

static int read_without_end(int peer, async_stream *stream, const bool *over)
{
    static char much[5000];
    while (!*over) {
        CHECK_EQ(send(peer, much, sizeof much, MSG_DONTWAIT), sizeof much);
        CHECK_EQ(async_stream_read(stream, much, sizeof much),
                 sizeof much); /* there is always something */
    }
    return 0;
}
async_fn(read_without_end, int, async_stream *, const bool *);

LOOP_TEST(stream_that_is_always_ready_lets_others_run)
{
    bool over = false;
    int ends[2], other_ends[2];
    async_stream *written, *read;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(ends[1], ends[0] + 1);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other_ends), 0);
    CHECK_EQ(async_stream_new(&written, ends[0]), 0);
    CHECK_EQ(async_stream_new(&read, other_ends[0]), 0);
    async_task *writer = async_create_task(write_without_end, written, &over);
    async_task *reader = async_create_task(read_without_end, other_ends[1], read, &over);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(async_sleep(0), 0);
    over = true;
    CHECK_EQ(async_gather(writer, reader), 0);
    async_stream_close(written);
    async_stream_close(read);
    close(ends[1]);
    close(other_ends[1]);
    return 0;
}

struct resting {
    async_stream *drained, *read; /* one of them is closed */
    bool closed;                  /* it is */
};

/* Calls that need not wait, until one of them has let the closer run. */
static int rest_in(struct resting *resting, int drains)
{
    char byte;
    for (int i = 0; i < drains && !resting->closed; i++)
        CHECK_EQ(async_stream_drain(resting->drained), 0);
    return resting->closed ? 0 : async_stream_read(resting->read, &byte, 1);
}
async_fn(rest_in, struct resting *, int);

static int close_meanwhile(struct resting *resting, async_stream *stream)
{
    resting->closed = true;
    async_stream_close(stream);
    return 0;
}
async_fn(close_meanwhile, struct resting *, async_stream *);

static void close_in_a_rest(int drains, bool in_drain)
{
    struct pair drained = new_pair(), read = new_pair();
    struct resting resting = {.drained = drained.here, .read = read.here};
    async_task *task = async_create_task(rest_in, &resting, drains);
    async_task *closer = async_create_task(close_meanwhile, &resting,
                                           in_drain ? drained.here : read.here);
    int result = async_timeout(0.001, async_await(task));
    CHECK(result == 0 || result == -EBADF || result == -ETIMEDOUT);
    CHECK_EQ(async_await(closer), 0);
    async_stream_close(drained.there);
    async_stream_close(read.there);
    async_stream_close(in_drain ? read.here : drained.here);
}

/* Sanitizers find a use of the closed stream. */
LOOP_TEST(stream_that_is_closed_while_a_task_rests_in_it_is_left_alone)
{
    for (int drains = 58; drains < 70; drains++) {
        close_in_a_rest(drains, true);
        close_in_a_rest(drains, false);
    }
    return 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

LOOP_TEST(stream_write_eof_comes_after_what_was_written)
{
    struct pair pair = new_pair();
    char *text;
    CHECK_EQ(async_stream_write(pair.here, "last", 4), 0);
    CHECK_EQ(async_stream_write_eof(pair.here), 0);
    CHECK_EQ(async_stream_write_eof(pair.here), 0);
    CHECK_EQ(async_stream_write(pair.here, "x", 1), -EPIPE);
    CHECK_EQ(async_stream_read_all(pair.there, &text, 10), 4);
    free(text);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_that_is_closed_sends_what_is_pending_on_its_own)
{
    static char much[MUCH];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_write(pair.here, much, MUCH), 0);
    async_stream_close(pair.here);
    CHECK_EQ(take(pair.there, MUCH + 1), MUCH);
    async_stream_close(pair.there);
    return 0;
}

LOOP_TEST(stream_wait_closed_returns_when_all_is_sent)
{
    static char much[MUCH];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_wait_closed(NULL), 0);
    CHECK_EQ(async_stream_write(pair.here, much, MUCH), 0);
    async_task *taker = async_create_task(take, pair.there, MUCH + 1);
    CHECK_EQ(async_stream_wait_closed(pair.here), 0);
    CHECK_EQ(async_await(taker), MUCH);
    CHECK_EQ(async_stream_wait_closed(pair.there), 0);
    return 0;
}

LOOP_TEST(stream_wait_closed_that_is_cancelled_goes_on_by_itself)
{
    static char much[MUCH];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_write(pair.here, much, MUCH), 0);
    CHECK_EQ(async_timeout(0.001, async_stream_wait_closed(pair.here)), -ETIMEDOUT);
    CHECK_EQ(take(pair.there, MUCH + 1), MUCH);
    async_stream_close(pair.there);
    return 0;
}

LOOP_TEST(stream_whose_peer_is_gone_gives_an_error_and_no_sigpipe)
{
    struct pair pair = new_pair();
    async_stream_close(pair.there);
    CHECK_EQ(async_sleep(0), 0);
    int result = async_stream_write(pair.here, "x", 1);
    for (int i = 0; i < 3 && result == 0; i++) {
        CHECK_EQ(async_sleep(0), 0);
        result = async_stream_write(pair.here, "x", 1);
    }
    CHECK_EQ(result, -EPIPE);
    CHECK_EQ(async_stream_drain(pair.here), -EPIPE);
    async_stream_close(pair.here);
    return 0;
}

LOOP_TEST(stream_that_is_aborted_ends_all_waits)
{
    static char much[MUCH];
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_write(pair.here, much, MUCH), 0);
    async_task *drainer = async_create_task(drain_stream, pair.here);
    async_task *taker = async_create_task(take, pair.here, 1);
    CHECK_EQ(async_sleep(0), 0);
    async_stream_abort(pair.here);
    CHECK_EQ(async_await(drainer), -ECONNABORTED);
    CHECK_EQ(async_await(taker), 0);
    CHECK_EQ(async_stream_write(pair.here, "x", 1), -ECONNABORTED);
    CHECK_EQ(async_stream_read(pair.here, much, 1), -ECONNABORTED);
    CHECK_EQ(async_stream_fd(pair.here), -1);
    CHECK_EQ(async_stream_pending(pair.here), 0);
    close_pair(pair);
    return 0;
}

static int read_line(async_stream *stream)
{
    char line[16];
    return async_stream_readline(stream, line, sizeof line);
}
async_fn(read_line, async_stream *);

/* A task that writes a request and waits for the answer would wait for ever. */
LOOP_TEST(stream_that_cannot_write_ends_a_reader_that_would_wait)
{
    struct pair pair = new_pair();
    async_task *reader = async_create_task(read_line, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(shutdown(async_stream_fd(pair.there), SHUT_RD), 0);
    async_ignore(async_stream_write(pair.here, "question\n", 9)); /* sent now or later */
    CHECK_EQ(async_await(reader), -EPIPE);
    CHECK_EQ(read_line(pair.here), -EPIPE);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_that_cannot_write_gives_received_bytes_first)
{
    struct pair pair = new_pair();
    async_task *reader = async_create_task(read_line, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(write(async_stream_fd(pair.there), "goodbye\n", 8),
             8); /* the loop got no event for it */
    CHECK_EQ(shutdown(async_stream_fd(pair.there), SHUT_RD), 0);
    async_ignore(async_stream_write(pair.here, "question\n", 9));
    CHECK_EQ(async_await(reader), 8);
    CHECK_EQ(read_line(pair.here), -EPIPE);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_knows_both_addresses)
{
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_auto_stream *stream = new_client(server);
    char text[64], expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%d", async_server_port(server));
    CHECK_EQ(async_stream_peer(stream, text, sizeof text), (int)strlen(expected));
    CHECK_STR(text, expected);
    CHECK(async_stream_local(stream, text, sizeof text) > (int)strlen("127.0.0.1:"));
    CHECK_EQ(async_stream_peer(stream, NULL, 0), (int)strlen(expected));
    CHECK_EQ(async_stream_peer(stream, NULL, 1), -EINVAL);
    return 0;
}
