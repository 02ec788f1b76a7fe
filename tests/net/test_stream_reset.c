/*
 * test_stream_reset.c: connections by TCP that the peer resets. The kernel reports the error once,
 * to the first call that meets it; both directions of the stream, its layer, a sendfile and
 * wait_closed must report it.
 */
#include "run/layers.h"
#include "run/sockets.h"
#include "run/streams.h"
#include "run/coroutines.h"

#include <asyncio/layer.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct connection {
    async_stream *here; /* the stream under test */
    int there;          /* its peer's socket */
};

static struct connection new_connection(void)
{
    struct sockets pair = tcp_sockets();
    struct connection connection = {.there = pair.there};
    CHECK_EQ(async_stream_new(&connection.here, pair.here), 0);
    return connection;
}

/* Writes until the kernel takes no more. */
static void block(async_stream *stream)
{
    static char much[16 << 20];
    CHECK_EQ(async_stream_write(stream, much, sizeof much), 0);
    CHECK(async_stream_pending(stream) > 0);
}

/* Reads to the end: counts the bytes before it, and stores the result of the last read. */
static int read_to_the_end(async_stream *stream, int *total)
{
    char bytes[100];
    int result;
    while ((result = async_stream_read(stream, bytes, sizeof bytes)) > 0)
        *total += result;
    return result;
}
async_fn(read_to_the_end, async_stream *, int *);

static const async_stream_layer passes = {pass_read, pass_write, pass_finish, pass_free, NULL};

/* Output is blocked and a task reads; the peer sends 7 bytes and resets the connection. */
static int reset_while_blocked(bool layered, bool waits)
{
    struct connection connection = new_connection();
    int total = 0;
    if (layered)
        CHECK_EQ(async_stream_set_layer(connection.here, &passes, NULL), 0);
    block(connection.here);
    async_task *reader = waits ? async_create_task(read_to_the_end, connection.here, &total) : NULL;
    turns(2);
    CHECK_EQ(send(connection.there, "partial", 7, 0), 7);
    turns(5);
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    turns(5);
    int result = waits ? async_await(reader) : read_to_the_end(connection.here, &total);
    CHECK_EQ(total, 7);
    CHECK_EQ(result, -ECONNRESET);
    CHECK(!async_stream_at_eof(connection.here));
    CHECK_EQ(read_to_the_end(connection.here, &total), -ECONNRESET);
    CHECK_EQ(async_stream_write(connection.here, "x", 1), -ECONNRESET);
    CHECK_EQ(async_stream_drain(connection.here), -ECONNRESET);
    CHECK_EQ(async_stream_wait_closed(connection.here), -ECONNRESET);
    return 0;
}

LOOP_TEST(stream_reset_is_no_end_for_a_reader_where_a_write_has_met_it)
{
    return reset_while_blocked(false, true);
}

LOOP_TEST(stream_reset_is_no_end_for_a_read_that_comes_later)
{
    return reset_while_blocked(false, false);
}

LOOP_TEST(stream_reset_is_no_end_for_a_layer)
{
    ASYNC_TRY(reset_while_blocked(true, true));
    return reset_while_blocked(true, false);
}

LOOP_TEST(stream_reset_that_a_reader_has_met_is_what_a_write_reports)
{
    static char much[1 << 16];
    struct connection connection = new_connection();
    int total = 0;
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    CHECK_EQ(read_to_the_end(connection.here, &total), -ECONNRESET);
    CHECK_EQ(async_stream_write(connection.here, much, sizeof much),
             -ECONNRESET); /* and not -EPIPE */
    CHECK_EQ(async_stream_wait_closed(connection.here), -ECONNRESET);
    return 0;
}

LOOP_TEST(stream_reset_that_a_reader_has_met_is_what_wait_closed_reports)
{
    struct connection connection = new_connection();
    int total = 0;
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    CHECK_EQ(read_to_the_end(connection.here, &total), -ECONNRESET);
    CHECK_EQ(async_stream_wait_closed(connection.here), -ECONNRESET);
    return 0;
}

LOOP_TEST(stream_reset_that_only_the_close_has_met_is_what_wait_closed_reports)
{
    struct connection connection = new_connection();
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    turns(3);
    CHECK_EQ(async_stream_wait_closed(connection.here), -ECONNRESET);
    return 0;
}

static int send_file(async_stream *stream, int file, int *result)
{
    *result = async_stream_sendfile(stream, file, 0, 64 << 20);
    return 0;
}
async_fn(send_file, async_stream *, int, int *);

LOOP_TEST(stream_reset_ends_a_sendfile_and_the_reader_beside_it)
{
    struct connection connection = new_connection();
    char path[] = "/tmp/asyncio-reset-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC), sent = 0, total = 0;
    CHECK(file >= 0);
    unlink(path);
    CHECK_EQ(ftruncate(file, 64 << 20), 0);
    async_task *sender = async_create_task(send_file, connection.here, file, &sent);
    async_task *reader = async_create_task(read_to_the_end, connection.here, &total);
    turns(5);
    CHECK_EQ(send(connection.there, "partial", 7, 0), 7);
    turns(5);
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    CHECK_EQ(async_await(sender), 0);
    CHECK_EQ(sent, -ECONNRESET);
    CHECK_EQ(async_await(reader), -ECONNRESET);
    CHECK_EQ(total, 7);
    CHECK_EQ(async_stream_write(connection.here, "x", 1), -ECONNRESET);
    CHECK_EQ(async_stream_wait_closed(connection.here), -ECONNRESET);
    close(file);
    return 0;
}

/*
 * The peer has ended in order, and goes away later with many unread bytes: its own bytes are
 * complete.
 */
LOOP_TEST(stream_reset_after_the_end_leaves_the_end_an_end)
{
    struct connection connection = new_connection();
    int total = 0;
    block(connection.here);
    CHECK_EQ(send(connection.there, "request", 7, 0), 7);
    CHECK_EQ(shutdown(connection.there, SHUT_WR), 0);
    turns(5);
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    turns(5);
    CHECK_EQ(async_stream_write(connection.here, "x", 1), -EPIPE);
    CHECK_EQ(read_to_the_end(connection.here, &total), 0);
    CHECK_EQ(total, 7);
    CHECK_EQ(async_stream_wait_closed(connection.here), -EPIPE);
    return 0;
}

/* ---- bytes that were written and are dropped: the peer must not take what came for all ------ */

/* The peer's socket after the bytes that have come: 0, or -errno. */
static int end_of_socket(int fd)
{
    static char bytes[1 << 16];
    ssize_t count;
    while ((count = recv(fd, bytes, sizeof bytes, 0)) > 0)
        ;
    int error = count < 0 ? -errno : 0;
    close(fd);
    return error;
}

LOOP_TEST(stream_reset_is_what_a_peer_finds_after_an_abort_that_drops_bytes)
{
    struct connection connection = new_connection();
    block(connection.here);
    async_stream_abort(connection.here);
    CHECK_EQ(end_of_socket(connection.there), -ECONNRESET);
    async_stream_close(connection.here);
    return 0;
}

LOOP_TEST(stream_reset_is_what_a_peer_finds_after_a_write_that_memory_ran_out_in)
{
    static char much[16 << 20];
    struct connection connection = new_connection();
    test_allow_allocations(0);
    CHECK_EQ(async_stream_write(connection.here, much, sizeof much), -ENOMEM);
    test_allow_allocations(-1);
    CHECK_EQ(async_stream_wait_closed(connection.here), -ENOMEM);
    CHECK_EQ(end_of_socket(connection.there), -ECONNRESET);
    return 0;
}

/* Nothing was dropped: the peer has all that was written. */
LOOP_TEST(stream_abort_that_drops_nothing_is_an_end)
{
    struct connection connection = new_connection();
    CHECK_EQ(async_stream_write(connection.here, "whole", 5), 0);
    turns(3);
    async_stream_abort(connection.here);
    CHECK_EQ(end_of_socket(connection.there), 0);
    async_stream_close(connection.here);
    return 0;
}

/* The peer's end has come and is in the stream, and so is something that was not read. */
LOOP_TEST(stream_at_eof_is_false_after_an_abort)
{
    struct connection connection = new_connection();
    char byte;
    CHECK_EQ(send(connection.there, "many", 4, 0), 4);
    CHECK_EQ(shutdown(connection.there, SHUT_WR), 0);
    turns(3);
    CHECK_EQ(async_stream_readexactly(connection.here, &(char[5]){0}, 5), -ENODATA);
    CHECK_EQ(async_stream_read(connection.here, &byte, 1), 1);
    CHECK(!async_stream_at_eof(connection.here));
    async_stream_abort(connection.here);
    CHECK(!async_stream_at_eof(connection.here));
    CHECK_EQ(async_stream_read(connection.here, &byte, 1), -ECONNABORTED);
    async_stream_close(connection.here);
    close(connection.there);
    return 0;
}

/*
 * The peer has ended in order, and goes away before its system has taken all: no further end will
 * come to report that.
 */
LOOP_TEST(stream_reset_after_the_peers_end_ends_a_lingering_close)
{
    static char much[200000];
    struct connection connection = new_connection();
    const int few = 1;
    CHECK_EQ(setsockopt(connection.there, SOL_SOCKET, SO_RCVBUF, &few, sizeof few), 0);
    CHECK_EQ(shutdown(connection.there, SHUT_WR), 0);
    CHECK_EQ(async_stream_write(connection.here, much, sizeof much), 0);
    CHECK_EQ(async_stream_pending(connection.here), 0);
    async_task *closing = async_create_task(close_stream, connection.here);
    turns(10);
    CHECK(!async_task_done(closing));
    reset_on_close(connection.there);
    CHECK_EQ(close(connection.there), 0);
    double before = async_time();
    CHECK_EQ(async_await(closing), -ECONNRESET);
    CHECK(async_time() - before < 10);
    return 0;
}
