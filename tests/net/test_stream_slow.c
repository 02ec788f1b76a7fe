/*
 * test_stream_slow.c: a server whose clients do not read: the bytes that it holds for them are
 * bounded if its writer drains, and it can read their number if it does not.
 */
#include "run/streams.h"
#include "run/sockets.h"

#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 200, PIECE = 10000, HIGH_WATER = 64 * 1024, SOCKET_BYTES = 8 * 1024 };

/* The bytes that all connections of a server hold: now, and at most. */
struct account {
    size_t pending; /* bytes not yet with the kernel */
    size_t most;    /* of those */
    int waiting;    /* connections whose writer waits */
    int ended;      /* connections that it has no more */
};

static int write_for_ever(async_stream *stream, struct account *account)
{
    static const char piece[PIECE];
    shrink_send_buffer(async_stream_fd(stream), SOCKET_BYTES);
    for (;;) {
        size_t before = async_stream_pending(stream);
        ASYNC_TRY(async_stream_write(stream, piece, sizeof piece));
        account->pending += async_stream_pending(stream) - before;
        if (account->pending > account->most)
            account->most = account->pending;
        before = async_stream_pending(stream);
        account->waiting++;
        ASYNC_TRY(async_stream_drain(stream));
        account->waiting--;
        account->pending -= before - async_stream_pending(stream);
    }
}

static int serve_for_ever(async_stream *stream, void *account)
{
    int result = write_for_ever(stream, account);
    ((struct account *)account)->ended++;
    return result;
}

static void connect_all(const async_server *server, async_stream *clients[])
{
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = new_client(server);
}

LOOP_TEST(stream_writers_that_drain_hold_little_for_any_number_of_readers_that_do_not_read)
{
    struct account account = {0};
    async_server *server = new_server(serve_for_ever, &account);
    async_stream *clients[CLIENTS];
    connect_all(server, clients);
    while (account.waiting + account.ended < CLIENTS &&
           async_time() < 5) /* in a test of faults some never begin */
        CHECK_EQ(async_sleep(0.001), 0);
    CHECK_EQ(async_sleep(0.02), 0);
    CHECK_EQ(account.waiting, CLIENTS);
    CHECK(account.most <= (size_t)CLIENTS * (HIGH_WATER + PIECE));
    CHECK(account.most >= (size_t)CLIENTS * HIGH_WATER); /* or no writer had to wait */
    async_server_close(server);
    async_server_abort_clients(server);
    async_server_free_wait(server);
    for (int i = 0; i < CLIENTS; i++)
        async_stream_close(clients[i]);
    return 0;
}

LOOP_TEST(stream_writer_that_never_drains_can_see_what_it_holds)
{
    static const char piece[PIECE];
    struct pair pair = new_pair();
    shrink_send_buffer(async_stream_fd(pair.here), SOCKET_BYTES);
    size_t written = 0;
    for (int i = 0; i < 500; i++, written += PIECE)
        CHECK_EQ(async_stream_write(pair.here, piece, sizeof piece), 0);
    CHECK(async_stream_pending(pair.here) > written - 8 * SOCKET_BYTES);
    CHECK(async_stream_pending(pair.here) < written);
    async_stream_abort(pair.here);
    CHECK_EQ(async_stream_pending(pair.here), 0);
    close_pair(pair);
    return 0;
}
