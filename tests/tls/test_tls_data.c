/*
 * test_tls_data.c: much data through TLS, in pieces of every size, in both directions at once,
 * through slow readers.
 */
#include "secure.h"

#include <stdlib.h>
#include <string.h>

/* The byte at that place of a direction: so a lost, doubled or moved byte is detected. */
static unsigned char byte_at(size_t place, unsigned salt)
{
    uint64_t mixed = (place + 1) * 0x9e3779b97f4a7c15u + salt;
    return (unsigned char)(mixed >> 56);
}

static size_t piece_after(size_t place, size_t left)
{
    static const size_t sizes[] = {1, 2, 100, 1369, 2048, 4096, 16383, 16384, 16385, 40000, 70000};
    size_t size = sizes[place % (sizeof sizes / sizeof *sizes)];
    return size < left ? size : left;
}

static int send_pattern(async_stream *stream, size_t size, unsigned salt)
{
    static unsigned char piece[70000];
    for (size_t place = 0; place < size;) {
        size_t length = piece_after(place, size - place);
        for (size_t i = 0; i < length; i++)
            piece[i] = byte_at(place + i, salt);
        ASYNC_TRY(async_stream_write(stream, piece, length));
        ASYNC_TRY(async_stream_drain(stream));
        place += length;
    }
    return async_stream_drain(stream);
}
async_fn(send_pattern, async_stream *, size_t, unsigned);

static int receive_pattern(async_stream *stream, size_t size, unsigned salt)
{
    const char *data;
    int length;
    for (size_t place = 0; place < size;) {
        ASYNC_TRY(length = async_stream_borrow(stream, &data));
        CHECK(length > 0);
        for (int i = 0; i < length; i++, place++)
            CHECK_EQ((unsigned char)data[i], byte_at(place, salt));
    }
    return 0;
}
async_fn(receive_pattern, async_stream *, size_t, unsigned);

enum { SIZE = 4 << 20 };

static int exchange(async_stream *stream, unsigned sent, unsigned received)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, send_pattern, stream, (size_t)SIZE, sent);
    async_group_create_task(&group, receive_pattern, stream, (size_t)SIZE, received);
    return async_group_wait(&group);
}

static int serve_pattern(async_stream *stream, void *unused)
{
    (void)unused;
    return exchange(stream, 1, 2);
}

static int exchange_by(int version)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_pattern, NULL);
    async_auto_stream *stream = NULL;
    SSL_CTX_set_max_proto_version(async_tls_ssl_context(theirs), version);
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    return exchange(stream, 2, 1);
}

LOOP_TEST(tls_loses_no_byte_and_changes_none)
{
    return exchange_by(TLS1_3_VERSION);
}

LOOP_TEST(tls_1_2_loses_no_byte_and_changes_none)
{
    return exchange_by(TLS1_2_VERSION);
}

/* New keys in the middle, asked for by either side, as long connections have them. */
static int serve_new_keys(async_stream *stream, void *unused)
{
    char line[16];
    (void)unused;
    for (int i = 0; async_stream_readline(stream, line, sizeof line) > 0; i++) {
        if (i % 3 == 1)
            CHECK_EQ(SSL_key_update(async_tls_ssl(stream), SSL_KEY_UPDATE_REQUESTED), 1);
        ASYNC_TRY(async_stream_printf(stream, "%s", line));
    }
    return 0;
}

LOOP_TEST(tls_goes_on_with_new_keys)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_new_keys, NULL);
    async_auto_stream *stream = NULL;
    char line[16], expected[16];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    for (int i = 0; i < 12; i++) {
        if (i % 4 == 1)
            CHECK_EQ(SSL_key_update(async_tls_ssl(stream), SSL_KEY_UPDATE_REQUESTED), 1);
        int length = snprintf(expected, sizeof expected, "line %d\n", i);
        CHECK_EQ(async_stream_printf(stream, "%s", expected), length);
        CHECK_EQ(async_stream_readline(stream, line, sizeof line), length);
        CHECK_STR(line, expected);
    }
    return 0;
}

static int serve_flood(async_stream *stream, void *argument)
{
    static char piece[50000];
    size_t *most = argument;
    for (int i = 0; i < 100; i++) {
        ASYNC_TRY(async_stream_write(stream, piece, sizeof piece));
        if (async_stream_pending(stream) > *most)
            *most = async_stream_pending(stream);
        ASYNC_TRY(async_stream_drain(stream));
    }
    return 0;
}

/* The bytes that a reader does not take stay bounded by the marks and one write. */
LOOP_TEST(tls_slow_reader_holds_the_writer_back)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    size_t most = 0, read = 0;
    async_auto_wait_server *server = new_secure_server(ours, serve_flood, &most);
    async_auto_stream *stream = NULL;
    char bytes[3000];
    int result;
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_sleep(0.1), 0);
    while ((result = async_stream_read(stream, bytes, sizeof bytes)) > 0)
        read += (size_t)result;
    CHECK_EQ(result, 0);
    CHECK_EQ(read, 100 * 50000);
    CHECK(most > 64 * 1024 && most < 64 * 1024 + 51000);
    return 0;
}

/* One byte at a time below, whatever the layer above does. */
LOOP_TEST(tls_records_may_come_byte_by_byte)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    char text[200];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    for (size_t i = 0; i < sizeof text; i++)
        CHECK_EQ(async_stream_write(stream, &(char){(char)byte_at(i, 0)}, 1), 0);
    CHECK_EQ(async_stream_readexactly(stream, text, sizeof text), (int)sizeof text);
    for (size_t i = 0; i < sizeof text; i++)
        CHECK_EQ((unsigned char)text[i], byte_at(i, 0));
    return 0;
}
