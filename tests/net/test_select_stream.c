/*
 * test_select_stream.c: select with streams: bytes that were received before count, and so do bytes
 * that a layer has ready; a change of the socket that brings no byte does not end it.
 */
#include "run/streams.h"
#include "run/layers.h"

#include <asyncio/layer.h>
#include <string.h>

static int no_bytes(async_stream *stream, double seconds)
{
    return async_select(async_on_stream(stream), async_on_timeout(seconds));
}

LOOP_TEST(select_stream_sees_what_was_received_before)
{
    struct pair pair = new_pair();
    char line[8];
    const char *data;
    CHECK_EQ(no_bytes(pair.here, 0.01), 1);
    CHECK_EQ(async_stream_write(pair.there, "a\nb\nc", 5), 0);
    CHECK_EQ(no_bytes(pair.here, 1), 0);
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 2);
    CHECK_EQ(no_bytes(pair.here, 1), 0);
    CHECK_EQ(async_stream_borrow_line(pair.here, &data), 2);
    CHECK_EQ(no_bytes(pair.here, 1), 0);
    CHECK_EQ(async_stream_read(pair.here, line, sizeof line), 1);
    CHECK_EQ(no_bytes(pair.here, 0.01), 1);
    close_pair(pair);
    return 0;
}

static int answer(async_stream *stream)
{
    char byte;
    ASYNC_TRY(async_stream_readexactly(stream, &byte, 1));
    return async_stream_write(stream, "!", 1);
}
async_fn(answer, async_stream *);

LOOP_TEST(select_stream_sends_what_was_written_before_it_waits_for_an_answer)
{
    struct pair pair = new_pair();
    async_task *task = async_create_task(answer, pair.there);
    CHECK_EQ(async_stream_write(pair.here, "?", 1), 0);
    CHECK_EQ(no_bytes(pair.here, ASYNC_FOREVER), 0);
    CHECK_EQ(async_await(task), 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(select_stream_sees_the_end_and_an_abort)
{
    struct pair pair = new_pair();
    char byte;
    async_stream_close(pair.there);
    CHECK_EQ(no_bytes(pair.here, ASYNC_FOREVER), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), 0);
    CHECK_EQ(no_bytes(pair.here, ASYNC_FOREVER), 0);
    async_stream_abort(pair.here);
    CHECK_EQ(no_bytes(pair.here, ASYNC_FOREVER), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), -ECONNABORTED);
    async_stream_close(pair.here);
    return 0;
}

static int select_it(async_stream *stream)
{
    return async_select(async_on_stream(stream));
}
async_fn(select_it, async_stream *);

LOOP_TEST(select_stream_that_is_closed_gets_ebadf)
{
    struct pair pair = new_pair();
    async_task *task = async_create_task(select_it, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    async_stream_close(pair.here);
    CHECK_EQ(async_await(task), -EBADF);
    async_stream_close(pair.there);
    return 0;
}

LOOP_TEST(select_stream_that_is_aborted_is_ready)
{
    struct pair pair = new_pair();
    async_task *task = async_create_task(select_it, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    async_stream_abort(pair.here);
    CHECK_EQ(async_await(task), 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(select_stream_that_another_task_reads_is_busy)
{
    struct pair pair = new_pair();
    async_task *reader = async_create_task(read_one_byte, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(no_bytes(pair.here, 1), -EBUSY);
    CHECK_EQ(async_stream_write(pair.there, "x", 1), 0);
    CHECK_EQ(async_await(reader), 1);
    CHECK_EQ(no_bytes(pair.here, 0.01), 1);
    close_pair(pair);
    return 0;
}

/* Several tasks may select one stream; each is woken, and one of them gets the byte. */
LOOP_TEST(select_stream_wakes_every_select)
{
    struct pair pair = new_pair();
    async_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(select_it, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_stream_write(pair.there, "x", 1), 0);
    CHECK_EQ(async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(read_one_byte(pair.here), 1);
    close_pair(pair);
    return 0;
}

LOOP_TEST(select_stream_that_is_cancelled_has_taken_nothing)
{
    struct pair pair = new_pair();
    async_task *task = async_create_task(select_it, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_EQ(async_stream_write(pair.there, "x", 1), 0);
    CHECK_EQ(no_bytes(pair.here, 1), 0);
    CHECK_EQ(read_one_byte(pair.here), 1);
    close_pair(pair);
    return 0;
}

/* ---- a layer whose unit is four bytes ------------------------------------------------------- */

struct units {
    char bytes[4]; /* the result of the next select */
    int count;     /* of bytes */
    int given;     /* bytes of a whole one that the program has */
};

static int read_unit(void *state, async_transport *below, void *buffer, size_t size)
{
    struct units *units = state;
    while (units->count < 4) {
        int result = async_transport_read(below, units->bytes + units->count,
                                          (size_t)(4 - units->count));
        if (result <= 0)
            return result;
        units->count += result;
    }
    ((char *)buffer)[0] = units->bytes[units->given++];
    if (units->given == 4)
        units->given = units->count = 0;
    (void)size;
    return 1;
}

static const async_stream_layer in_units = {read_unit, pass_write, pass_finish, pass_free, NULL};

static int write_later(async_stream *stream, double seconds, const char *text)
{
    ASYNC_TRY(async_sleep(seconds));
    return async_stream_write(stream, text, strlen(text));
}
async_fn(write_later, async_stream *, double, const char *);

LOOP_TEST(select_stream_of_a_layer_waits_for_what_the_layer_can_give)
{
    struct units units = {.count = 0};
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_set_layer(pair.here, &in_units, &units), 0);
    async_task *part = async_create_task(write_later, pair.there, 0.01, "ab");
    double from = async_time();
    CHECK_EQ(no_bytes(pair.here, 0.03),
             1); /* half a unit counts as nothing, and does not restart the limit */
    CHECK(async_time() - from > 0.0299 && async_time() - from < 0.04);
    CHECK_EQ(async_await(part), 0);
    async_task *rest = async_create_task(write_later, pair.there, 0.01, "cd");
    CHECK_EQ(no_bytes(pair.here, ASYNC_FOREVER), 0);
    CHECK_EQ(async_await(rest), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(no_bytes(pair.here, 0), 0); /* although the socket has no bytes */
        CHECK_EQ(read_one_byte(pair.here), 1);
    }
    CHECK_EQ(no_bytes(pair.here, 0), 1);
    close_pair(pair);
    return 0;
}
