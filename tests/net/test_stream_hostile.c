/*
 * test_stream_hostile.c: peers that mean no good: lengths that never come, lines without an end,
 * bytes one at a time, resets in every state, urgent data.
 */
#include "net/stream.h"
#include "run/streams.h"
#include "run/sockets.h"

#include <limits.h>
#include <netinet/in.h>
#include <string.h>

/* ---- memory grows with received bytes only --------------------------------------------------- */

enum { MUCH = 3 << 20 };

/* Counts the memory that the loop takes from its allocator. */
struct thrift {
    async_allocator below; /* the runner's, which counts memory that is left */
    size_t largest;        /* block since the record was cleared */
    size_t total;          /* bytes since then */
};

static void *note_reallocate(void *context, void *block, size_t old_size, size_t size)
{
    struct thrift *thrift = context;
    if (size > thrift->largest)
        thrift->largest = size;
    thrift->total += size;
    return thrift->below.reallocate(thrift->below.context, block, old_size, size);
}

/* Writes so much, drains now and then, and ends. */
static int write_much(async_stream *stream, int size)
{
    static char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    for (int part; size > 0; size -= part) {
        part = size < (int)sizeof bytes ? size : (int)sizeof bytes;
        CHECK_EQ(async_stream_write(stream, bytes, (size_t)part), 0);
        CHECK_EQ(async_stream_drain(stream), 0);
    }
    return async_stream_write_eof(stream);
}
async_fn(write_much, async_stream *, int);

/* Reads a message of `announced` bytes, but only `sent` of them come. */
static int read_announced(struct thrift *thrift, int announced, int sent)
{
    static char bytes[MUCH];
    const char *data;
    struct pair pair = new_pair();
    async_task *writer = async_create_task(write_much, pair.there, sent);
    thrift->largest = 0;
    CHECK_EQ(async_stream_readexactly(pair.here, bytes, (size_t)announced),
             sent < announced ? -ENODATA : announced);
    CHECK_EQ(async_stream_peek(pair.here, &data, (size_t)announced), sent < announced ? sent : 0);
    CHECK_EQ(async_await(writer), 0);
    close_pair(pair);
    return 0;
}
async_fn(read_announced, struct thrift *, int, int);

static async_run_options thrifty(struct thrift *thrift)
{
    async_run_options options = *test_options();
    thrift->below = options.allocator;
    options.allocator = (async_allocator){note_reallocate, thrift};
    return options;
}

/* A length that a peer announces is believed only as far as its bytes have come. */
TEST_EACH_BACKEND(stream_reserves_no_more_than_twice_what_has_come)
{
    struct thrift thrift = {0};
    const async_run_options options = thrifty(&thrift);
    CHECK_EQ(async_run_with(&options, read_announced, &thrift, INT_MAX, 5), 0);
    CHECK(thrift.largest < 100000);
    CHECK_EQ(async_run_with(&options, read_announced, &thrift, INT_MAX, 400000), 0);
    CHECK(thrift.largest < 900000);
    CHECK_EQ(async_run_with(&options, read_announced, &thrift, MUCH, MUCH), 0);
    CHECK(thrift.largest < MUCH + 1000);
}

static int read_long_line(struct thrift *thrift)
{
    static char line[MUCH + 2];
    struct pair pair = new_pair();
    async_task *writer = async_create_task(write_much, pair.there, MUCH);
    thrift->largest = thrift->total = 0;
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), MUCH);
    CHECK_EQ(async_await(writer), 0);
    close_pair(pair);
    return 0;
}
async_fn(read_long_line, struct thrift *);

/* So that the time does not grow as the square of its length. */
TEST_EACH_BACKEND(stream_makes_room_for_a_long_line_by_doubling)
{
    struct thrift thrift = {0};
    const async_run_options options = thrifty(&thrift);
    CHECK_EQ(async_run_with(&options, read_long_line, &thrift), 0);
    CHECK(thrift.largest <= 2 * MUCH + 1000);
    CHECK(thrift.total < 8 * MUCH);
}

/* ---- resets, in every state ----------------------------------------------------------------- */

/* A stream over TCP, and its peer: a plain descriptor. */
static int new_peer(async_stream **stream)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(listening, (struct sockaddr *)&address, size), 0);
    CHECK_EQ(listen(listening, 1), 0);
    CHECK_EQ(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    CHECK_EQ(connect(ours, (struct sockaddr *)&address, size), 0);
    int peer = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    CHECK(peer >= 0);
    close(listening);
    CHECK_EQ(async_stream_new(stream, ours), 0);
    return peer;
}

/* More than two sockets hold. */
static void fill(async_stream *stream, size_t pending)
{
    static char much[64 * 1024];
    while (async_stream_pending(stream) < pending)
        CHECK_EQ(async_stream_write(stream, much, sizeof much), 0);
}

LOOP_TEST(stream_that_is_reset_while_it_is_read_says_so_from_then_on)
{
    async_stream *stream;
    int peer = new_peer(&stream);
    async_task *reader = async_create_task(read_one_byte, stream);
    CHECK_EQ(async_sleep(0), 0);
    reset_on_close(peer);
    CHECK_EQ(close(peer), 0);
    CHECK_EQ(async_await(reader), -ECONNRESET);
    CHECK_EQ(read_one_byte(stream), -ECONNRESET);
    CHECK(!async_stream_at_eof(stream));
    async_stream_close(stream);
    return 0;
}

LOOP_TEST(stream_that_is_reset_while_a_task_drains_it_says_so_and_drops_what_is_pending)
{
    async_stream *stream;
    int peer = new_peer(&stream);
    fill(stream, 1000000);
    async_task *drainer = async_create_task(drain_stream, stream);
    CHECK_EQ(async_sleep(0), 0);
    reset_on_close(peer);
    CHECK_EQ(close(peer), 0);
    int result = async_await(drainer);
    CHECK(result == -ECONNRESET || result == -EPIPE);
    CHECK_EQ(async_stream_pending(stream), 0);
    CHECK_EQ(async_stream_write(stream, "x", 1), result);
    CHECK_EQ(async_stream_wait_closed(stream), result);
    return 0;
}

LOOP_TEST(stream_that_is_reset_while_it_closes_is_gone_at_once)
{
    async_stream *stream;
    int peer = new_peer(&stream);
    fill(stream, 1000000);
    async_task *closer = async_create_task(close_stream, stream);
    CHECK_EQ(async_sleep(0), 0);
    reset_on_close(peer);
    CHECK_EQ(close(peer), 0);
    int result = async_await(closer);
    CHECK(result == -ECONNRESET || result == -EPIPE);
    CHECK(async_time() == 0);
    return 0;
}

/* Bytes that were received before the reset are not lost. */
LOOP_TEST(stream_that_was_reset_unnoticed_can_be_closed_and_aborted)
{
    for (int i = 0; i < 3; i++) {
        async_stream *stream;
        int peer = new_peer(&stream);
        CHECK_EQ(async_stream_write(stream, "x", 1), 0);
        reset_on_close(peer);
        CHECK_EQ(close(peer), 0);
        if (i == 1)
            async_stream_abort(stream);
        if (i == 2)
            CHECK(async_stream_wait_closed(stream) <= 0);
        else
            async_stream_close(stream);
    }
    return 0;
}

LOOP_TEST(stream_whose_ends_are_shut_in_every_order_tells_each_once)
{
    for (int order = 0; order < 4; order++) {
        async_stream *stream;
        char byte;
        int peer = new_peer(&stream);
        CHECK_EQ(shutdown(peer, order & 1 ? SHUT_RDWR : SHUT_WR), 0);
        if (order & 2)
            CHECK_EQ(async_stream_write_eof(stream), 0);
        CHECK_EQ(read_one_byte(stream), 0);
        CHECK(async_stream_at_eof(stream));
        CHECK_EQ(async_stream_write_eof(stream), 0);
        CHECK_EQ(async_stream_wait_closed(stream), 0);
        CHECK_EQ(recv(peer, &byte, 1, 0), 0);
        close(peer);
    }
    return 0;
}

/* ---- unusual input --------------------------------------------------------------------------- */

/* The urgent byte itself is skipped, as for every socket without SO_OOBINLINE. */
LOOP_TEST(stream_reads_on_behind_urgent_data)
{
    async_stream *stream;
    char line[8];
    int peer = new_peer(&stream);
    for (int i = 0; i < 3; i++) {
        async_task *task = NULL;
        CHECK_EQ(send(peer, "ab", 2, 0), 2);
        CHECK_EQ(send(peer, "!", 1, MSG_OOB), 1);
        CHECK_EQ(async_sleep(0), 0);
        CHECK_EQ(send(peer, "cd\n", 3, 0), 3);
        CHECK_EQ(async_stream_readline(stream, line, sizeof line), 5);
        CHECK_STR(line, "abcd\n");
        task = async_create_task(read_one_byte, stream);
        CHECK_EQ(async_sleep(0), 0);
        CHECK_EQ(send(peer, "?", 1, MSG_OOB), 1);
        CHECK_EQ(async_sleep(0), 0);
        CHECK_EQ(send(peer, "x", 1, 0), 1);
        CHECK_EQ(async_await(task), 1);
    }
    close(peer);
    async_stream_close(stream);
    return 0;
}

/* ---- the send timeout ------------------------------------------------------------------------ */

static int wait_out_of_patience(void)
{
    async_stream *stream;
    struct async_loop *loop = async_get_loop();
    static char bytes[100000];
    int peer = new_peer(&stream);
    fill(stream, 10000000);
    async_task *closer = async_create_task(close_stream, stream);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(loop->poller.in_flight == 1);
    loop->poller.in_flight--; /* so that virtual time passes without the kernel */
    CHECK_EQ(async_sleep(29), 0);
    loop->poller.in_flight++;
    while (!stream->layer.transport.has_progressed) { /* it takes something, at last */
        CHECK(!async_task_done(closer));
        CHECK(recv(peer, bytes, sizeof bytes, 0) > 0);
        CHECK_EQ(async_sleep(0), 0);
    }
    loop->poller.in_flight--;
    CHECK_EQ(async_sleep(30.9), 0);
    CHECK(!async_task_done(closer));
    CHECK_EQ(async_sleep(0.2), 0);
    loop->poller.in_flight++;
    CHECK_EQ(async_await(closer), -ETIMEDOUT);
    close(peer);
    return 0;
}
async_fn(wait_out_of_patience);

TEST_EACH_BACKEND(stream_that_closes_gives_up_when_nothing_was_taken_for_thirty_seconds)
{
    CHECK_EQ(async_run_with(test_options(), wait_out_of_patience), 0);
}
