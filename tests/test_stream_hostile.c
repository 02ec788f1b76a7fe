/*
 * test_stream_hostile.c: peers that mean no good: lengths that never come, lines without an end, bytes one at a time,
 * resets in every state, urgent data.
 */
#include "streams.h"

#include <limits.h>
#include <string.h>

/* ---- memory is what has come, not what was announced ----------------------------------------------------------- */

enum { MUCH = 3 << 20 };

/* What the loop asked its allocator for. */
struct thrift {
    async_allocator below; /* the runner's, which counts what is left behind */
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

/* Reads a message of `announced` bytes, of which so many come. */
static int read_announced(struct thrift *thrift, int announced, int come)
{
    static char bytes[MUCH];
    const char *data;
    struct pair pair = new_pair();
    async_task *writer = async_create_task(write_much, pair.there, come);
    thrift->largest = 0;
    CHECK_EQ(async_stream_readexactly(pair.here, bytes, (size_t)announced),
             come < announced ? -ENODATA : announced);
    CHECK_EQ(async_stream_peek(pair.here, &data, (size_t)announced), come < announced ? come : 0);
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

/* So that the time it takes does not grow as the square of its length. */
TEST_EACH_BACKEND(stream_makes_room_for_a_long_line_by_doubling)
{
    struct thrift thrift = {0};
    const async_run_options options = thrifty(&thrift);
    CHECK_EQ(async_run_with(&options, read_long_line, &thrift), 0);
    CHECK(thrift.largest <= 2 * MUCH + 1000);
    CHECK(thrift.total < 8 * MUCH);
}
