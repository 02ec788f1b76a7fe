/*
 * test_stream_linger.c: the lingering close: written bytes reach a peer that is still sending when
 * the stream is closed, and the close waits for a peer that never ends no longer than the header
 * says.
 */
#include "run/sockets.h"
#include "run/streams.h"
#include "run/coroutines.h"

#include <string.h>

enum { UPLOAD = 1 << 20, DOWNLOAD = 4000000, PIECE = 16384 };

struct peer {
    async_stream *stream; /* the peer's */
    size_t to_send;       /* bytes that it sends while it reads */
    size_t got;           /* bytes that it has read */
    int end;              /* the result of its last read */
};

static int send_much(struct peer *peer)
{
    static char bytes[PIECE];
    for (size_t sent = 0; sent < peer->to_send; sent += sizeof bytes) {
        if (async_stream_write(peer->stream, bytes, sizeof bytes) < 0)
            return 0;
        ASYNC_TRY(async_stream_drain(peer->stream));
    }
    return 0;
}
async_fn(send_much, struct peer *);

/* Reads little at a time, and sends meanwhile. */
static int be_slow_peer(async_stream *stream, void *argument)
{
    static char bytes[PIECE / 2];
    struct peer *peer = argument;
    peer->stream = stream;
    async_task *sender = async_create_task(send_much, peer);
    while ((peer->end = async_stream_read(stream, bytes, sizeof bytes)) > 0) {
        peer->got += (size_t)peer->end;
        turns(5);
    }
    async_task_cancel(sender);
    async_ignore(async_await(sender));
    return 0;
}

static int upload_and_close(size_t peer_sends)
{
    static char upload[UPLOAD];
    struct peer peer = {.to_send = peer_sends};
    async_auto_wait_server *server = new_server(be_slow_peer, &peer);
    async_stream *client = new_client(server);
    turns(20);
    CHECK_EQ(async_stream_write(client, upload, sizeof upload), 0);
    CHECK_EQ(async_stream_wait_closed(client), 0);
    while (async_server_connections(server) > 0)
        ASYNC_TRY(async_sleep(0.001));
    CHECK_EQ(peer.got, UPLOAD);
    CHECK_EQ(peer.end, 0);
    return 0;
}

LOOP_TEST(stream_close_loses_nothing_on_the_way_to_a_peer_that_sends_little)
{
    return upload_and_close(50000);
}

LOOP_TEST(stream_close_loses_nothing_on_the_way_to_a_peer_that_sends_much)
{
    return upload_and_close(DOWNLOAD);
}

/* The answer to a request that was not read to its end. */
LOOP_TEST(stream_close_with_unread_input_does_not_cut_the_answer)
{
    static char answer[UPLOAD], bytes[PIECE];
    struct sockets pair = tcp_sockets();
    async_stream *here, *there;
    size_t got = 0;
    int result;
    CHECK_EQ(async_stream_new(&here, pair.here), 0);
    CHECK_EQ(async_stream_new(&there, pair.there), 0);
    CHECK_EQ(async_stream_write(there, bytes, sizeof bytes), 0);
    CHECK_EQ(async_stream_readexactly(here, bytes, 100), 100);
    CHECK_EQ(async_stream_write(here, answer, sizeof answer), 0);
    async_stream_close(here);
    while ((result = async_stream_read(there, bytes, sizeof bytes)) > 0)
        got += (size_t)result;
    CHECK_EQ(got, UPLOAD);
    CHECK_EQ(result, 0);
    async_stream_close(there);
    return 0;
}

/*
 * A peer of a Unix socket has the bytes as soon as the kernel does; unread input must not become an
 * error there.
 */
LOOP_TEST(stream_close_with_unread_input_is_an_end_for_a_peer_of_a_unix_socket)
{
    struct pair pair = new_pair();
    char bytes[8];
    CHECK_EQ(async_stream_write(pair.there, "much more than is read", 22), 0);
    CHECK_EQ(async_stream_readexactly(pair.here, bytes, 4), 4);
    CHECK_EQ(async_stream_write(pair.here, "answer", 6), 0);
    async_stream_close(pair.here);
    CHECK_EQ(async_stream_readexactly(pair.there, bytes, 6), 6);
    CHECK_EQ(async_stream_read(pair.there, bytes, 1), 0);
    async_stream_close(pair.there);
    return 0;
}

/* Neither reads any more; each has more to send than the kernels take. */
static int write_much_and_close(struct sockets pair)
{
    static char much[16 * UPLOAD];
    async_stream *here, *there;
    CHECK_EQ(async_stream_new(&here, pair.here), 0);
    CHECK_EQ(async_stream_new(&there, pair.there), 0);
    CHECK_EQ(async_stream_write(here, much, sizeof much), 0);
    CHECK_EQ(async_stream_write(there, much, sizeof much), 0);
    turns(20);
    async_stream_close(there);
    CHECK_EQ(async_stream_wait_closed(here), 0);
    return 0;
}

LOOP_TEST(stream_close_does_not_wait_for_a_peer_that_closes_too_by_tcp)
{
    return write_much_and_close(tcp_sockets());
}

LOOP_TEST(stream_close_does_not_wait_for_a_peer_that_closes_too_on_unix_sockets)
{
    return write_much_and_close(unix_sockets(SOCK_STREAM));
}

/* The close of a quiet connection is immediate. */
LOOP_TEST(stream_close_of_a_quiet_connection_is_immediate)
{
    struct sockets pair = tcp_sockets();
    async_stream *here;
    char byte;
    CHECK_EQ(async_stream_new(&here, pair.here), 0);
    CHECK_EQ(async_stream_write(here, "x", 1), 0);
    turns(3);
    CHECK_EQ(recv(pair.there, &byte, 1, MSG_DONTWAIT), 1);
    double before = async_time();
    CHECK_EQ(async_stream_wait_closed(here), 0);
    CHECK(async_time() - before < 1);
    CHECK_EQ(recv(pair.there, &byte, 1, MSG_DONTWAIT), 0);
    close(pair.there);
    return 0;
}

/* ---- limits --------------------------------------------------------------------------------- */

/* The peer has sent bytes that are not read, and neither ends nor reads. */
static int wait_in_vain(void)
{
    struct sockets pair = tcp_sockets();
    async_stream *here;
    CHECK_EQ(async_stream_new(&here, pair.here), 0);
    CHECK_EQ(send(pair.there, "hello", 5, 0), 5);
    CHECK_EQ(async_stream_write(here, "x", 1), 0);
    double from = async_time();
    CHECK_EQ(async_stream_wait_closed(here), 0); /* its system has everything */
    CHECK(async_time() - from >= 3 && async_time() - from < 3.2);
    close(pair.there);
    return 0;
}
async_fn(wait_in_vain);

/* Once and not with each backend: the virtual clock gives the peer as much real time. */
TEST(stream_close_waits_three_seconds_for_a_peer_that_does_not_end)
{
    CHECK_EQ(async_run_with(test_options(), wait_in_vain), 0);
}

/* The same after the peer took a while to make room for pending bytes: the limits do not add up. */
static int wait_in_vain_after_progress(void)
{
    static char much[4 << 20];
    struct sockets pair = tcp_sockets();
    async_stream *here, *there;
    CHECK_EQ(async_stream_new(&here, pair.here), 0);
    CHECK_EQ(async_stream_new(&there, pair.there), 0);
    CHECK_EQ(async_stream_write(there, "hello", 5), 0);
    CHECK_EQ(async_stream_write(here, much, sizeof much), 0);
    CHECK(async_stream_pending(here) > 0);
    async_stream_close(here);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_stream_readexactly(there, much, sizeof much), sizeof much);
    CHECK_EQ(async_stream_read(there, much, 1), 0);
    double from = async_time();
    while (async_stream_write(there, "x", 1) == 0) /* until the other end is closed */
        ASYNC_TRY(async_sleep(0.1));
    CHECK(async_time() - from >= 2.8 && async_time() - from < 3.5);
    async_stream_close(there);
    return 0;
}
async_fn(wait_in_vain_after_progress);

TEST(stream_close_waits_three_seconds_also_after_it_had_to_wait_for_room)
{
    CHECK_EQ(async_run_with(test_options(), wait_in_vain_after_progress), 0);
}

static int send_for_ever(int fd)
{
    static char bytes[PIECE];
    int result;
    while ((result = async_sendall(fd, bytes, sizeof bytes, 0)) == 0)
        continue;
    return result == -ECONNRESET || result == -EPIPE ? 0 : result;
}
async_fn(send_for_ever, int);

LOOP_TEST(stream_close_drops_no_more_than_sixteen_mebibytes)
{
    struct sockets pair = tcp_sockets();
    async_stream *here;
    CHECK_EQ(async_stream_new(&here, pair.here), 0);
    async_task *sender = async_create_task(send_for_ever, pair.there);
    turns(3);
    async_stream_close(here);
    CHECK_EQ(async_await(sender), 0);
    async_close(pair.there);
    return 0;
}
