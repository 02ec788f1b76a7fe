/*
 * test_stream.c: reading from streams: the bytes that each call returns, those that it leaves, and
 * the peer's end.
 */
#include "run/trace.h"
#include "run/streams.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void say(async_stream *stream, const char *text)
{
    CHECK_EQ(async_stream_write(stream, text, strlen(text)), 0);
}

static int read_a_byte(async_stream *stream)
{
    char byte;
    ASYNC_TRY(async_stream_readexactly(stream, &byte, 1));
    return byte;
}
async_fn(read_a_byte, async_stream *);

/* ---- read and readexactly -------------------------------------------------------------------- */

LOOP_TEST(stream_read_gives_available_bytes_and_no_more)
{
    struct pair pair = new_pair();
    char bytes[8192];
    say(pair.there, "hello");
    CHECK_EQ(async_stream_read(pair.here, bytes, 2), 2);
    CHECK_EQ(async_stream_read(pair.here, bytes + 2, sizeof bytes - 2),
             3); /* buffered bytes, without another receipt */
    CHECK(memcmp(bytes, "hello", 5) == 0);
    say(pair.there, "again");
    CHECK_EQ(async_stream_read(pair.here, bytes, sizeof bytes), 5);
    CHECK_EQ(async_stream_read(pair.here, bytes, 0), 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_read_after_the_peer_s_end_is_0_again_and_again)
{
    struct pair pair = new_pair();
    char byte;
    say(pair.there, "x");
    CHECK_EQ(async_stream_write_eof(pair.there), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), 1);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(async_stream_read(pair.here, &byte, 1), 0);
    CHECK(async_stream_at_eof(pair.here));
    CHECK(!async_stream_at_eof(pair.there));
    say(pair.here, "half open"); /* the other direction is */
    CHECK_EQ(async_stream_read(pair.there, &byte, 1), 1);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_read_of_no_bytes_is_0_whatever_the_stream_has)
{
    struct pair pair = new_pair();
    char byte = 'y';
    CHECK_EQ(async_stream_read(pair.here, &byte, 0),
             0); /* nothing has come, and it does not wait */
    CHECK_EQ(async_stream_read(pair.here, NULL, 0), 0);
    async_task *reader = async_create_task(read_a_byte, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 0), -EBUSY);
    say(pair.there, "xx");
    CHECK_EQ(async_await(reader), 'x');
    CHECK_EQ(async_stream_read(pair.here, &byte, 0), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), 1); /* nothing was taken */
    async_task_cancel(async_current_task());
    CHECK_EQ(async_stream_read(pair.here, &byte, 0), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_stream_write_eof(pair.there), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 0), 0);
    async_stream_abort(pair.here);
    CHECK_EQ(async_stream_read(pair.here, &byte, 0), 0);
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), -ECONNABORTED);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_readexactly_is_all_or_nothing)
{
    struct pair pair = new_pair();
    char bytes[16] = {0};
    say(pair.there, "abcdef");
    CHECK_EQ(async_stream_readexactly(pair.here, bytes, 4), 4);
    CHECK_EQ(async_timeout(0.01, async_stream_readexactly(pair.here, bytes + 4, 4)), -ETIMEDOUT);
    say(pair.there, "gh");
    CHECK_EQ(async_stream_readexactly(pair.here, bytes + 4, 4), 4);
    CHECK_STR(bytes, "abcdefgh");
    say(pair.there, "rest");
    CHECK_EQ(async_stream_write_eof(pair.there), 0);
    CHECK_EQ(async_stream_readexactly(pair.here, bytes, 5), -ENODATA);
    CHECK_STR(async_strerror(-ENODATA), "-ENODATA: the peer ended after 4 of 5 bytes");
    CHECK_EQ(async_stream_read(pair.here, bytes, sizeof bytes), 4); /* it is still there */
    close_pair(pair);
    return 0;
}

/* More than a block, which arrives in pieces. */
LOOP_TEST(stream_readexactly_of_much_is_whole)
{
    enum { SIZE = 300000 };
    struct pair pair = new_pair();
    static char sent[SIZE], got[SIZE];
    for (int i = 0; i < SIZE; i++)
        sent[i] = (char)(i * 7 + i / 251);
    CHECK_EQ(async_stream_write(pair.there, sent, SIZE), 0);
    CHECK_EQ(async_stream_readexactly(pair.here, got, SIZE), SIZE);
    CHECK(memcmp(sent, got, SIZE) == 0);
    close_pair(pair);
    return 0;
}

/* ---- lines and separators ------------------------------------------------------------------- */

LOOP_TEST(stream_readline_gives_lines_and_the_last_one_without_its_end)
{
    struct pair pair = new_pair();
    char line[8];
    say(pair.there, "one\n\ntwo");
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 4);
    CHECK_STR(line, "one\n");
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 1);
    CHECK_EQ(async_stream_write_eof(pair.there), 0);
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 3);
    CHECK_STR(line, "two");
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 0);
    CHECK_STR(line, "");
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_readline_without_room_takes_nothing)
{
    struct pair pair = new_pair();
    char line[16];
    say(pair.there, "12345678\n");
    CHECK_EQ(async_stream_readline(pair.here, line, 9), -EMSGSIZE);
    CHECK_EQ(async_stream_readline(pair.here, line, 10), 9);
    CHECK_STR(line, "12345678\n");
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_readline_gives_a_last_line_that_just_fits)
{
    for (size_t room = 5; room <= 7; room++) {
        struct pair pair = new_pair();
        char line[8];
        say(pair.there, "hello");
        CHECK_EQ(async_stream_write_eof(pair.there), 0);
        CHECK_EQ(async_stream_readline(pair.here, line, room), room == 5 ? -EMSGSIZE : 5);
        close_pair(pair);
    }
    return 0;
}

static int write_slowly(async_stream *stream, const char *text)
{
    for (; *text != 0; text++) {
        say(stream, (char[]){*text, 0});
        ASYNC_TRY(async_sleep(0));
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}
async_fn(write_slowly, async_stream *, const char *);

LOOP_TEST(stream_readuntil_finds_a_separator_that_comes_in_pieces)
{
    struct pair pair = new_pair();
    char bytes[32];
    async_task *writer = async_create_task(write_slowly, pair.there, "head\r\n\r\nbody;more");
    CHECK_EQ(async_stream_readuntil(pair.here, bytes, sizeof bytes, "\r\n\r\n"), 8);
    CHECK(memcmp(bytes, "head\r\n\r\n", 8) == 0);
    CHECK_EQ(async_stream_readuntil(pair.here, bytes, sizeof bytes, "!", ";"), 5);
    CHECK_EQ(async_await(writer), 0);
    CHECK_EQ(async_stream_write_eof(pair.there), 0);
    CHECK_EQ(async_stream_readuntil(pair.here, bytes, sizeof bytes, "!"), -ENODATA);
    CHECK_EQ(async_stream_readuntil(pair.here, bytes, 3, "e"), -EMSGSIZE);
    CHECK_EQ(async_stream_readuntil_n(pair.here, bytes, 4, (const char *const[]){"e"}, 1), 4);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_read_all_gives_all_or_says_that_it_is_too_much)
{
    char *text;
    for (size_t limit = 5; limit <= 7; limit++) {
        struct pair pair = new_pair();
        say(pair.there, "abcdef");
        CHECK_EQ(async_stream_write_eof(pair.there), 0);
        CHECK_EQ(async_stream_read_all(pair.here, &text, limit), limit < 6 ? -EMSGSIZE : 6);
        CHECK_STR(text, limit < 6 ? NULL : "abcdef");
        free(text);
        close_pair(pair);
    }
    return 0;
}

/* ---- without copies ------------------------------------------------------------------------- */

LOOP_TEST(stream_lends_its_bytes_until_the_next_read)
{
    struct pair pair = new_pair();
    const char *data, *line;
    say(pair.there, "one\ntwo\nthree");
    CHECK_EQ(async_stream_borrow_line(pair.here, &line), 4);
    CHECK(memcmp(line, "one\n", 4) == 0);
    say(pair.here, "a write does not end a loan");
    CHECK_EQ(async_sleep(0), 0);
    CHECK(memcmp(line, "one\n", 4) == 0);
    CHECK_EQ(async_stream_peek(pair.here, &data, 5), 9);
    CHECK(memcmp(data, "two\nthree", 9) == 0);
    async_stream_consume(pair.here, 4);
    CHECK_EQ(async_stream_borrow(pair.here, &data), 5);
    CHECK(memcmp(data, "three", 5) == 0);
    say(pair.there, "x");
    CHECK_EQ(async_stream_write_eof(pair.there), 0);
    CHECK_EQ(async_stream_peek(pair.here, &data, 2), 1); /* there will not be more */
    async_stream_consume(pair.here, 1);
    CHECK_EQ(async_stream_peek(pair.here, &data, 1), 0);
    CHECK_EQ(async_stream_borrow(pair.here, &data), 0);
    close_pair(pair);
    return 0;
}

/* Consumed bytes stay valid, whatever other streams do. */
LOOP_TEST(stream_that_was_peeked_lends_its_bytes_until_the_next_read)
{
    struct pair pair = new_pair(), other = new_pair();
    const char *data, *theirs;
    say(pair.there, "mine");
    say(other.there, "secret");
    CHECK_EQ(async_stream_peek(pair.here, &data, 4), 4);
    async_stream_consume(pair.here, 4);
    CHECK_EQ(async_stream_peek(other.here, &theirs, 6), 6);
    CHECK(memcmp(data, "mine", 4) == 0);
    say(pair.there, "more");
    CHECK_EQ(async_stream_peek(pair.here, &data, 4), 4);
    CHECK(memcmp(data, "more", 4) == 0);
    close_pair(pair);
    close_pair(other);
    return 0;
}

static int consume_nothing(void)
{
    struct pair pair = new_pair();
    async_stream_consume(pair.here, 1);
    return 0;
}
async_fn(consume_nothing);

DEATH_TEST(stream_consume_of_more_than_there_is,
           "async_stream_consume: 1 bytes, but only 0 are unread")
{
    async_ignore(async_run(consume_nothing));
}

/* ---- one reader, which may be cancelled ----------------------------------------------------- */

static int read_line(async_stream *stream, const char *who)
{
    char line[32];
    int result = async_stream_readline(stream, line, sizeof line);
    note("%s:%d", who, result);
    return result;
}
async_fn(read_line, async_stream *, const char *);

LOOP_TEST(stream_has_one_reader_at_a_time)
{
    struct pair pair = new_pair();
    async_task *first = async_create_task(read_line, pair.here, "first");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(read_line(pair.here, "second"), -EBUSY);
    say(pair.there, "\n");
    CHECK_EQ(async_await(first), 1);
    CHECK_TRACE("second:-16 first:1");
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_read_that_is_cancelled_has_taken_nothing)
{
    struct pair pair = new_pair();
    char line[16];
    async_task *reader = async_create_task(read_line, pair.here, "reader");
    say(pair.there, "half ");
    for (int i = 0; i < 5; i++)
        CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(reader);
    CHECK_EQ(async_await(reader), -ECANCELED);
    say(pair.there, "whole\n");
    CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 11);
    CHECK_STR(line, "half whole\n");
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_that_is_closed_ends_its_reader)
{
    struct pair pair = new_pair();
    async_task *reader = async_create_task(read_line, pair.here, "reader");
    CHECK_EQ(async_sleep(0), 0);
    async_stream_close(pair.here);
    CHECK_EQ(async_await(reader), -EBADF);
    async_stream_close(pair.there);
    return 0;
}

/* Waits for a byte of one stream, and closes the other. */
static bool closed;

static int close_after(async_stream *signal, async_stream *other)
{
    char byte;
    CHECK_EQ(async_stream_read(signal, &byte, 1), 1);
    async_stream_close(other);
    closed = true;
    return 0;
}
async_fn(close_after, async_stream *, async_stream *);

/* On the simulated backend the reader may be the first. */
static int read_unless_closed(async_stream *stream)
{
    char line[16];
    int result = async_stream_readline(stream, line, sizeof line);
    CHECK_EQ(result, closed ? -EBADF : 5);
    return 0;
}
async_fn(read_unless_closed, async_stream *);

LOOP_TEST(stream_that_is_closed_ends_a_reader_that_was_woken)
{
    struct pair pair = new_pair(), signal = new_pair();
    async_task *closer = async_create_task(close_after, signal.here, pair.here);
    async_task *reader = async_create_task(read_unless_closed, pair.here);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    say(signal.there, "!"); /* both events come in the same iteration, the close first */
    say(pair.there, "line\n");
    CHECK_EQ(async_await(closer), 0);
    CHECK_EQ(async_await(reader), 0);
    async_stream_close(pair.there);
    close_pair(signal);
    return 0;
}

LOOP_TEST(stream_without_memory_can_be_read_later)
{
    struct pair pair = new_pair();
    char line[16];
    say(pair.there, "later\n");
    CHECK_EQ(async_sleep(0), 0);
    test_allow_allocations(0);
    int result = async_stream_readline(pair.here, line, sizeof line);
    CHECK(result == -ENOMEM || result == 6); /* a block may be left from the peer */
    test_allow_allocations(-1);
    if (result < 0)
        CHECK_EQ(async_stream_readline(pair.here, line, sizeof line), 6);
    close_pair(pair);
    return 0;
}

/* ---- invalid arguments ----------------------------------------------------------------------- */

LOOP_TEST(stream_calls_refuse_invalid_arguments)
{
    struct pair pair = new_pair();
    char byte;
    const char *none = "";
    CHECK_EQ(async_stream_read(pair.here, NULL, 1), -EINVAL);
    CHECK_EQ(async_stream_readexactly(pair.here, NULL, 1), -EINVAL);
    CHECK_EQ(async_stream_readexactly(pair.here, &byte, (size_t)INT_MAX + 1), -EINVAL);
    CHECK_EQ(async_stream_readline(pair.here, &byte, 1), -EINVAL);
    CHECK_EQ(async_stream_readuntil_n(pair.here, &byte, 1, &none, 1), -EINVAL);
    CHECK_EQ(async_stream_readuntil_n(pair.here, &byte, 1, NULL, 0), -EINVAL);
    CHECK_EQ(async_stream_borrow(pair.here, NULL), -EINVAL);
    CHECK_EQ(async_stream_peek(pair.here, &none, 0), -EINVAL);
    CHECK_EQ(async_stream_read_all(pair.here, NULL, 1), -EINVAL);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_is_made_of_no_socket_that_another_stream_has)
{
    struct pair pair = new_pair();
    async_stream *second;
    char byte;
    CHECK_EQ(async_stream_new(&second, async_stream_fd(pair.here)), -EBUSY);
    CHECK(second == NULL);
    say(pair.there, "x");
    CHECK_EQ(async_stream_read(pair.here, &byte, 1), 1);
    close_pair(pair);
    return 0;
}

LOOP_TEST(stream_is_made_of_connected_sockets_only)
{
    async_stream *stream;
    int ends[2], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(async_stream_new(&stream, ends[0]), -ENOTSOCK);
    CHECK_EQ(async_stream_new(&stream, -1), -EBADF);
    CHECK_EQ(async_stream_new(&stream, listener), -ENOTCONN);
    CHECK_EQ(async_stream_new(NULL, listener), -EINVAL);
    CHECK(stream == NULL);
    close(ends[0]);
    close(ends[1]);
    close(listener);
    return 0;
}

DEATH_TEST(stream_that_is_null_is_reported_as_null, "async_stream_write: the stream is NULL")
{
    async_ignore(async_stream_write(NULL, "x", 1));
}
