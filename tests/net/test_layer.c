/*
 * test_layer.c: layers between streams and their sockets: one that turns bits over, with a
 * handshake before it.
 */
#include "run/streams.h"
#include "run/layers.h"

#include <stdlib.h>
#include <string.h>

struct mask {
    int frees;    /* it was freed */
    int finishes; /* its finish was called */
};

static int read_masked(void *state, async_transport *below, void *buffer, size_t size)
{
    char *bytes = buffer;
    int result = async_transport_read(below, buffer, size);
    (void)state;
    for (int i = 0; i < result; i++)
        bytes[i] ^= 0x20;
    return result;
}

static int write_masked(void *state, async_transport *below, const void *data, size_t size)
{
    (void)state;
    for (size_t i = 0; i < size; i++)
        ASYNC_TRY(async_transport_write(below, &(char){(char)(((const char *)data)[i] ^ 0x20)}, 1));
    return 0;
}

static int finish_masked(void *state, async_transport *below)
{
    ((struct mask *)state)->finishes++;
    return async_transport_write(below, ".", 1);
}

static void free_mask(void *state)
{
    ((struct mask *)state)->frees++;
}

static const async_stream_layer masked = {read_masked, write_masked, finish_masked, free_mask,
                                          NULL};

static const async_stream_layer plain = {read_masked, pass_write, pass_finish, free_mask, NULL};

LOOP_TEST(layer_is_called_for_every_read_and_write)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    char text[16];
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    CHECK(async_stream_layer_state(pair.here, &masked) == &mask);
    CHECK(async_stream_layer_state(pair.there, &masked) == NULL);
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), -EBUSY);
    CHECK_EQ(async_stream_set_layer(pair.there, NULL, NULL), -EINVAL);
    CHECK_EQ(async_stream_write(pair.here, "hello", 5), 0);
    CHECK_EQ(async_stream_readexactly(pair.there, text, 5), 5);
    CHECK(memcmp(text, "HELLO", 5) == 0);
    CHECK_EQ(async_stream_write(pair.there, "WORLD\x2a", 6), 0);
    CHECK_EQ(async_stream_readline(pair.here, text, sizeof text), 6);
    CHECK_STR(text, "world\n");
    async_stream_close(pair.here);
    CHECK_EQ(mask.finishes, 1);
    CHECK_EQ(async_stream_readexactly(pair.there, text, 1), 1);
    CHECK_EQ(text[0], '.');
    CHECK_EQ(async_stream_read(pair.there, text, 1), 0);
    CHECK_EQ(mask.frees, 0); /* it waits for the peer's end */
    async_stream_close(pair.there);
    CHECK_EQ(async_sleep(1), 0);
    CHECK_EQ(mask.frees, 1);
    return 0;
}

/* As with STARTTLS: the bytes after the line may have come with it. */
LOOP_TEST(layer_reads_what_came_before_it_was_there)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    char text[16];
    CHECK_EQ(async_stream_write(pair.there, "start\nHELLO", 11), 0);
    CHECK_EQ(async_stream_readline(pair.here, text, sizeof text), 6);
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    CHECK_EQ(async_stream_readexactly(pair.here, text, 5), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    close_pair(pair);
    return 0;
}

LOOP_TEST(layer_reads_what_came_before_it_was_there_although_the_end_was_seen)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    const char *data;
    char text[16];
    CHECK_EQ(async_stream_write(pair.there, "HELLO", 5), 0);
    async_stream_close(pair.there);
    CHECK_EQ(async_stream_peek(pair.here, &data, 50), 5); /* fewer: the end */
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    CHECK(!async_stream_at_eof(pair.here));
    CHECK_EQ(async_stream_read(pair.here, text, sizeof text), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK_EQ(async_stream_read(pair.here, text, sizeof text), 0);
    CHECK(async_stream_at_eof(pair.here));
    async_stream_close(pair.here);
    return 0;
}

LOOP_TEST(layer_is_finished_once)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    CHECK_EQ(async_stream_write_eof(pair.here), 0);
    close_pair(pair);
    CHECK_EQ(mask.finishes, 1);
    return 0;
}

LOOP_TEST(layer_of_an_aborted_stream_is_freed_without_finish)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    async_stream_abort(pair.here);
    close_pair(pair);
    CHECK_EQ(mask.finishes, 0);
    CHECK_EQ(mask.frees, 1);
    return 0;
}

/* Exchanges bytes before the layer is there, as TLS does. */
static int shake_hands(async_tls *self, async_stream *stream, const char *name)
{
    static struct mask mask;
    char byte;
    int result;
    (void)self;
    ASYNC_TRY(async_transport_write(async_stream_transport(stream), name != NULL ? "c" : "s", 1));
    while ((result = async_transport_read(async_stream_transport(stream), &byte, 1)) == -EAGAIN)
        ASYNC_TRY(async_transport_wait(async_stream_transport(stream)));
    if (result <= 0 || byte != (name != NULL ? 's' : 'c'))
        return result < 0 ? result : async_fail(-EPROTO, "it does not shake hands");
    return async_stream_set_layer(stream, &masked, &mask);
}

LOOP_TEST(layer_of_connections_and_servers_begins_with_a_handshake)
{
    async_tls tls = {.start = shake_hands};
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    char line[16];
    CHECK_EQ(async_start_server(&server, serve_echo, NULL, "127.0.0.1", 0,
                                &(async_server_options){.tls = &tls}),
             0);
    const async_connection_options options = {.tls = &tls};
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", async_server_port(server), &options), 0);
    CHECK_EQ(async_stream_write(stream, "line\n", 5), 0);
    CHECK_EQ(async_stream_readline(stream, line, sizeof line), 5);
    CHECK_STR(line, "line\n");
    return 0;
}

LOOP_TEST(layer_whose_handshake_fails_is_an_error_of_the_connection)
{
    async_tls tls = {.start = shake_hands};
    async_auto_wait_server *server = new_server(serve_echo, NULL);
    async_stream *stream;
    const async_connection_options options = {.tls = &tls};
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", async_server_port(server), &options),
             -EPROTO);
    CHECK_STR(async_strerror(-EPROTO), "-EPROTO: it does not shake hands");
    CHECK(stream == NULL);
    return 0;
}

static int dawdle(async_tls *self, async_stream *stream, const char *name)
{
    (void)self, (void)stream, (void)name;
    return async_sleep(1000);
}

LOOP_TEST(layer_has_a_minute_for_its_handshake)
{
    async_tls tls = {.start = dawdle};
    struct pair pair = new_pair();
    double from = async_time();
    CHECK_EQ(async_start_tls(pair.here, &tls, NULL), -ETIMEDOUT);
    CHECK(async_time() - from == 60);
    close_pair(pair);
    return 0;
}

/* The peer may be sending bytes that no task will read. */
LOOP_TEST(layer_reads_nothing_more_but_waits_for_the_peer_when_it_is_closed)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    char text[4];
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    async_task *closing = async_create_task(close_stream, pair.here);
    CHECK_EQ(async_stream_readexactly(pair.there, text, 1), 1);
    CHECK_EQ(async_stream_read(pair.there, text, 1), 0);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(async_stream_write(pair.there, "more", 4), 0);
        CHECK_EQ(async_sleep(0.01), 0);
    }
    CHECK(!async_task_done(closing));
    async_stream_close(pair.there);
    CHECK_EQ(async_await(closing), 0);
    CHECK_EQ(mask.frees, 1);
    return 0;
}

static int wait_in_vain(void)
{
    struct mask mask = {0};
    struct pair pair = new_pair();
    double from = async_time();
    CHECK_EQ(async_stream_set_layer(pair.here, &masked, &mask), 0);
    CHECK_EQ(async_stream_wait_closed(pair.here), 0);
    CHECK(async_time() - from == 3);
    CHECK_EQ(mask.frees, 1);
    async_stream_close(pair.there);
    return 0;
}
async_fn(wait_in_vain);

/*
 * Once and not with each backend: the virtual clock takes three real seconds, because a peer may
 * act meanwhile.
 */
TEST(layer_waits_three_seconds_for_the_peer)
{
    CHECK_EQ(async_run_with(test_options(), wait_in_vain), 0);
}

/*
 * The send timeout for a peer that takes nothing, and then the timeout for its end, use one timer.
 */
LOOP_TEST(layer_waits_for_the_peer_also_after_it_had_to_wait_for_room)
{
    enum { SIZE = 1 << 20 };
    struct mask mask = {0};
    struct pair pair = new_pair();
    char *sent = calloc(1, SIZE), *text;
    CHECK_EQ(async_stream_set_layer(pair.here, &plain, &mask), 0);
    CHECK_EQ(async_stream_write(pair.here, sent, SIZE), 0);
    async_task *closing = async_create_task(close_stream, pair.here);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_stream_read_all(pair.there, &text, 2 * SIZE), SIZE);
    CHECK(!async_task_done(closing));
    async_stream_close(pair.there);
    CHECK_EQ(async_await(closing), 0);
    free(sent);
    free(text);
    return 0;
}
