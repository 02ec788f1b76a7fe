/*
 * test_tls_end.c: how secure connections end: with close_notify and without, in the middle of a
 * handshake, when a task is cancelled, or when memory is out.
 */
#include "sys/tools.h"
#include "secure.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* ---- goodbye -------------------------------------------------------------------------------- */

LOOP_TEST(tls_close_is_an_end_for_the_peer)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_hello, NULL);
    async_auto_stream *stream = NULL;
    char text[8];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_readexactly(stream, text, 5), 5);
    CHECK_EQ(async_stream_read(stream, text, 1), 0);
    CHECK_EQ(async_stream_read(stream, text, 1), 0);
    CHECK(async_stream_at_eof(stream));
    return 0;
}

/* Ends in the middle of the protocol, by the socket alone. */
static int serve_rudely(async_stream *stream, void *unused)
{
    (void)unused;
    ASYNC_TRY(async_stream_write(stream, "hello", 5));
    ASYNC_TRY(async_sleep(0.1)); /* the loop sends it */
    CHECK_EQ(shutdown(async_stream_fd(stream), SHUT_WR), 0);
    return async_sleep(0.1);
}

LOOP_TEST(tls_end_without_close_notify_is_an_error)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_rudely, NULL);
    async_auto_stream *stream = NULL;
    char text[8];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_readexactly(stream, text, 5), 5); /* received bytes are returned */
    CHECK_EQ(async_stream_read(stream, text, 1), -ECONNRESET);
    CHECK_STR(
        async_strerror(-ECONNRESET),
        "-ECONNRESET: TLS: the peer disconnected without close_notify: the data may be truncated");
    CHECK_EQ(async_stream_read(stream, text, 1), -ECONNRESET);
    return 0;
}

/* A later write reports the same end; -ECONNABORTED would be the result of an abort of ours. */
LOOP_TEST(tls_write_after_an_end_without_close_notify_reports_it)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_rudely, NULL);
    async_auto_stream *stream = NULL;
    char text[8];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_readexactly(stream, text, 6), -ECONNRESET);
    CHECK_EQ(async_stream_write(stream, "x", 1), -ECONNRESET);
    CHECK_EQ(async_stream_drain(stream), -ECONNRESET);
    return 0;
}

/* Answers after the peer's end. */
static int serve_sum(async_stream *stream, void *unused)
{
    char *text;
    int length = async_stream_read_all(stream, &text, 1 << 20);
    (void)unused;
    if (length < 0)
        return length;
    free(text);
    return async_stream_printf(stream, "%d", length);
}

LOOP_TEST(tls_end_of_one_direction_leaves_the_other)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_sum, NULL);
    async_auto_stream *stream = NULL;
    char *text;
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_write(stream, "12345", 5), 0);
    CHECK_EQ(async_stream_write_eof(stream), 0);
    CHECK_EQ(async_stream_write(stream, "6", 1), -EPIPE);
    CHECK_EQ(async_stream_read_all(stream, &text, 100), 1);
    CHECK_STR(text, "5");
    free(text);
    return 0;
}

static int serve_and_count(async_stream *stream, void *argument)
{
    char *text = NULL;
    int length = async_stream_read_all(stream, &text, 16 << 20);
    *(int *)argument = length;
    free(text);
    return 0;
}

/* Because of unread tickets the kernel must not drop the bytes that it wrote. */
LOOP_TEST(tls_client_that_only_writes_loses_nothing_when_it_closes)
{
    enum { SIZE = 3 << 20 };
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    int counted = 0;
    async_auto_wait_server *server = new_secure_server(ours, serve_and_count, &counted);
    char *data = calloc(1, SIZE);
    async_stream *stream = NULL;
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_write(stream, data, SIZE), 0);
    CHECK_EQ(async_stream_wait_closed(stream), 0);
    async_server_close(server);
    CHECK_EQ(async_server_wait_closed(server), 0);
    CHECK_EQ(counted, SIZE);
    free(data);
    return 0;
}

/* ---- handshakes that come to nothing -------------------------------------------------------- */

static int serve_nothing(async_stream *stream, void *unused)
{
    (void)stream, (void)unused;
    return async_sleep(1000);
}

static int serve_end(async_stream *stream, void *unused)
{
    char bytes[64];
    (void)unused;
    async_ignore(async_stream_read(stream, bytes, sizeof bytes));
    return 0;
}

LOOP_TEST(tls_handshake_that_the_peer_abandons_is_an_error)
{
    async_auto_tls *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_server(serve_end, NULL);
    async_auto_stream *stream = NULL;
    int result = connect_to(&stream, server, theirs);
    CHECK_EQ(result, -ECONNRESET);
    return 0;
}

static int try_to_connect(async_server *server, async_tls *tls)
{
    async_auto_stream *stream = NULL;
    return connect_to(&stream, server, tls);
}
async_fn(try_to_connect, async_server *, async_tls *);

LOOP_TEST(tls_handshake_can_be_cancelled)
{
    async_auto_tls *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_server(serve_nothing, NULL);
    async_task *task = async_create_task(try_to_connect, server, theirs);
    ASYNC_TRY(async_sleep(0.05));
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

/* A server that is closed ends connections whose handshake has not finished. */
LOOP_TEST(tls_server_closes_clients_in_the_middle_of_their_handshake)
{
    async_auto_tls *ours = new_server_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = new_client(server); /* which says nothing */
    char byte;
    ASYNC_TRY(async_sleep(0.05));
    CHECK_EQ(async_server_connections(server), 1);
    async_server_close_clients(server);
    while (async_stream_read(stream, &byte, 1) > 0) /* an alert */
        continue;
    CHECK_EQ(async_server_connections(server), 0);
    return 0;
}

LOOP_TEST(tls_stream_can_be_aborted_in_the_middle_of_its_handshake)
{
    async_auto_tls *ours = new_server_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = new_client(server);
    ASYNC_TRY(async_sleep(0.05));
    async_server_abort_clients(server);
    ASYNC_TRY(async_sleep(0.05));
    CHECK_EQ(async_server_connections(server), 0);
    char byte;
    CHECK(async_stream_read(stream, &byte, 1) <= 0);
    return 0;
}

LOOP_TEST(tls_stream_can_be_closed_in_the_middle_of_its_handshake)
{
    async_auto_tls *tls = new_client_context(NULL);
    struct pair pair = new_pair();
    async_task *task = async_create_task(handshake_with_localhost, pair.here, tls);
    CHECK_EQ(async_sleep(0), 0);
    async_stream_close(pair.there);
    async_stream_close(pair.here);
    CHECK_EQ(async_await(task), -EBADF);
    return 0;
}

/* A connection that can no longer be written to may still have bytes to read. */
LOOP_TEST(tls_reads_what_came_when_writing_fails)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_hello, NULL);
    async_auto_stream *stream = NULL;
    static const char much[20000];
    char text[8];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_readexactly(stream, text, 1), 1);
    CHECK_EQ(shutdown(async_stream_fd(stream), SHUT_WR), 0);
    CHECK_EQ(async_stream_write(stream, much, sizeof much), -EPIPE);
    CHECK_EQ(async_stream_readexactly(stream, text, 4), 4);
    CHECK_EQ(async_stream_read(stream, text, 1), 0);
    return 0;
}

/* Garbage instead of a handshake, and instead of the records after it. */
LOOP_TEST(tls_garbage_is_an_error_of_the_connection_alone)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *rude = new_client(server), *good = NULL;
    char byte;
    CHECK_EQ(async_stream_write(rude, "GET / HTTP/1.1\r\n\r\n", 18), 0);
    while (async_stream_read(rude, &byte, 1) > 0) /* an alert */
        continue;
    CHECK_EQ(connect_to(&good, server, theirs), 0);
    CHECK_EQ(
        send(async_stream_fd(good), "\x17\x03\x03\x00\x20garbage that was never encrypted", 37, 0),
        37);
    CHECK(async_stream_read(good, &byte, 1) < 0);
    CHECK_STR(async_strerror(-EPROTO), "-EPROTO: TLS: the peer sent an alert: bad record mac");
    return 0;
}

/* ---- a peer that sends while we close ------------------------------------------------------- */

struct meeting {
    size_t sends; /* bytes that the server sends */
    size_t got;   /* bytes that it has read */
    int end;      /* the result of its last read */
};

static int send_much(async_stream *stream, size_t count)
{
    static char bytes[16384];
    for (size_t sent = 0; sent < count; sent += sizeof bytes) {
        if (async_stream_write(stream, bytes, sizeof bytes) < 0)
            return 0;
        ASYNC_TRY(async_stream_drain(stream));
    }
    return 0;
}
async_fn(send_much, async_stream *, size_t);

static int serve_slowly(async_stream *stream, void *argument)
{
    static char bytes[8192];
    struct meeting *meeting = argument;
    async_task *sender = async_create_task(send_much, stream, meeting->sends);
    while ((meeting->end = async_stream_read(stream, bytes, sizeof bytes)) > 0) {
        meeting->got += (size_t)meeting->end;
        for (int i = 0; i < 5; i++)
            ASYNC_TRY(async_sleep(0));
    }
    async_task_cancel(sender);
    async_ignore(async_await(sender));
    return 0;
}

LOOP_TEST(tls_close_loses_nothing_on_the_way_to_a_peer_that_sends)
{
    enum { UPLOAD = 1 << 20 };
    static char upload[UPLOAD];
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    for (size_t sends = 50000; sends <= 4000000; sends *= 80) {
        struct meeting meeting = {.sends = sends};
        async_auto_wait_server *server = new_secure_server(ours, serve_slowly, &meeting);
        async_stream *stream;
        CHECK_EQ(connect_to(&stream, server, theirs), 0);
        CHECK_EQ(async_stream_write(stream, upload, sizeof upload), 0);
        CHECK_EQ(async_stream_wait_closed(stream), 0);
        while (async_server_connections(server) > 0)
            ASYNC_TRY(async_sleep(0.001));
        CHECK_EQ(meeting.got, UPLOAD);
        CHECK_EQ(meeting.end, 0);
    }
    return 0;
}

/* ---- a task that is cancelled while it reads ------------------------------------------------ */

static int read_one(async_stream *stream)
{
    char byte;
    int result = async_stream_read(stream, &byte, 1);
    return result < 0 ? result : byte;
}
async_fn(read_one, async_stream *);

LOOP_TEST(tls_read_that_is_cancelled_has_taken_nothing)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    for (int i = 0; i < 20; i++) {
        async_task *task = async_create_task(read_one, stream);
        ASYNC_TRY(async_sleep(0));
        CHECK_EQ(async_stream_write(stream, &(char){(char)('a' + i)}, 1), 0);
        for (int turn = 0; turn < i % 5; turn++)
            ASYNC_TRY(async_sleep(0));
        async_task_cancel(task);
        int result = async_await(task);
        CHECK_EQ(result < 0 ? read_one(stream) : result, 'a' + i);
    }
    return 0;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* OpenSSL's, which are let fail in turn. */
static long allowed = -1;

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (allowed == 0)
        return NULL;
    allowed -= allowed > 0;
    return malloc(size);
}

static void *reallocate(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (allowed == 0 && size > 0)
        return NULL;
    allowed -= allowed > 0;
    return realloc(block, size);
}

static void release(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

static int exchange(void)
{
    async_auto_tls *ours = NULL, *theirs = NULL;
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    const async_tls_options own = {.certificate = test_certificates()->server, .alpn = "echo"};
    const async_tls_options trusted = {.ca = test_certificates()->authority, .alpn = "echo"};
    char text[8];
    ASYNC_TRY(async_tls_server_new(&ours, &own));
    ASYNC_TRY(async_tls_client_new(&theirs, &trusted));
    ASYNC_TRY(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0,
                                 &(async_server_options){.tls = ours}));
    ASYNC_TRY(connect_to(&stream, server, theirs));
    ASYNC_TRY(async_stream_write(stream, "hello", 5));
    return async_stream_readexactly(stream, text, 5);
}

/* Whatever is not there: it ends, nothing crashes, nothing is lost. */
LOOP_TEST(tls_without_memory_gives_errors)
{
    const long step = tools_under_valgrind() ? 31 : 7; /* some thousand blocks are taken in all */
    test_certificates();
    CHECK_EQ(CRYPTO_set_mem_functions(allocate, reallocate, release), 1);
    CHECK_EQ(exchange(), 5); /* memory that OpenSSL allocates once */
    for (long blocks = 0;; blocks += step) {
        allowed = blocks;
        int result = exchange();
        bool was_enough = allowed > 0;
        allowed = -1;
        if (was_enough)
            return result == 5 ? 0 : result;
    }
}
