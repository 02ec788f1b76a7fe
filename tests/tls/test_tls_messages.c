/*
 * test_tls_messages.c: messages of the protocol after the handshake that come in several records,
 * the last one late: bytes written meanwhile wait, and nothing is lost.
 */
#include "sched/sched.h"
#include "raw.h"
#include "tickets.h"

#include <string.h>

/* A client of ours, and a server whose ticket is on its way: its last record has not been sent. */
struct ticket {
    async_tls *tls;
    async_stream *client;
    struct raw server;
    char *rest; /* that record */
    size_t rest_size;
};

/* Where the last record begins. */
static size_t last_record(const char *bytes, size_t size)
{
    size_t last = 0;
    for (size_t next = 0; next < size;) {
        last = next;
        next += 5 + ((size_t)(unsigned char)bytes[next + 3] << 8 | (unsigned char)bytes[next + 4]);
    }
    CHECK(last > 0);
    return last;
}

static int serve_ticket(struct ticket *ticket)
{
    char *bytes;
    CHECK_EQ(raw_shake_hands(ticket->server), 0);
    size_t size = raw_take(ticket->server, &bytes), last = last_record(bytes, size);
    CHECK_EQ(async_stream_write(ticket->server.stream, bytes, last), 0);
    ticket->rest_size = size - last;
    ticket->rest = malloc(ticket->rest_size);
    memcpy(ticket->rest, bytes + last, ticket->rest_size);
    free(bytes);
    return 0;
}
async_fn(serve_ticket, struct ticket *);

static int read_byte(async_stream *stream)
{
    char byte;
    int result = async_stream_read(stream, &byte, 1);
    return result > 0 ? byte : result;
}
async_fn(read_byte, async_stream *);

/* The client has read the records that came, and found nothing for the program. */
static struct ticket new_ticket(void)
{
    struct pair pair = new_pair();
    struct ticket ticket = {.tls = new_client_context(NULL), .client = pair.here};
    ticket.server = raw_new(pair.there, test_certificates()->server, TLS1_3_VERSION);
    SSL_CTX_set_session_ticket_cb(SSL_get_SSL_CTX(ticket.server.ssl), ticket_make_large,
                                  ticket_take_none, NULL);
    SSL_set_max_send_fragment(ticket.server.ssl, 512);
    SSL_set_num_tickets(ticket.server.ssl, 1);
    async_task *serving = async_create_task(serve_ticket, &ticket);
    CHECK_EQ(async_start_tls(ticket.client, ticket.tls, "localhost"), 0);
    CHECK_EQ(async_await(serving), 0);
    CHECK_EQ(async_timeout(0.1, read_byte(ticket.client)), -ETIMEDOUT);
    CHECK_EQ(SSL_in_init(async_tls_ssl(ticket.client)), 1);
    return ticket;
}

/* The loop polls the sockets while a task waits for one. */
static void send_rest(struct ticket *ticket)
{
    const char *unused;
    CHECK_EQ(async_stream_write(ticket->server.stream, ticket->rest, ticket->rest_size), 0);
    async_ignore(async_timeout(0.01, async_stream_peek(ticket->server.stream, &unused, 1)));
}

static void end(struct ticket *ticket)
{
    async_stream_close(ticket->client);
    raw_free(ticket->server);
    async_tls_free(ticket->tls);
    free(ticket->rest);
}

/* The server's next read, as text. */
static const char *hear(struct ticket *ticket)
{
    static char text[64];
    int size = raw_read(ticket->server, text, sizeof text - 1);
    text[size > 0 ? size : 0] = 0;
    return size > 0 ? text : size == 0 ? "(goodbye)" : "(error)";
}

static void answer(struct ticket *ticket)
{
    CHECK_EQ(SSL_write(ticket->server.ssl, "!", 1), 1);
    CHECK_EQ(raw_send(ticket->server), 0);
}

LOOP_TEST(tls_write_in_the_middle_of_a_ticket_goes_out_after_it)
{
    struct ticket ticket = new_ticket();
    async_task *reader = async_create_task(read_byte, ticket.client);
    CHECK_EQ(async_sleep(0.01), 0);
    CHECK_EQ(async_stream_write(ticket.client, "question", 8), 0);
    send_rest(&ticket);
    CHECK_STR(hear(&ticket), "question");
    answer(&ticket);
    CHECK_EQ(async_await(reader), '!');
    end(&ticket);
    return 0;
}

LOOP_TEST(tls_writes_in_the_middle_of_a_ticket_keep_their_order_without_a_reader)
{
    struct ticket ticket = new_ticket();
    CHECK_EQ(async_stream_write(ticket.client, "one ", 4), 0);
    CHECK_EQ(async_stream_write(ticket.client, "two ", 4), 0);
    send_rest(&ticket);
    CHECK_EQ(async_stream_write(ticket.client, "three", 5), 0);
    CHECK_STR(hear(&ticket), "one two ");
    CHECK_STR(hear(&ticket), "three");
    answer(&ticket);
    CHECK_EQ(read_byte(ticket.client), '!');
    end(&ticket);
    return 0;
}

LOOP_TEST(tls_end_of_writing_in_the_middle_of_a_ticket_is_sent_after_it)
{
    for (int held = 0; held < 2; held++) {
        struct ticket ticket = new_ticket();
        if (held)
            CHECK_EQ(async_stream_write(ticket.client, "last", 4), 0);
        CHECK_EQ(async_stream_write_eof(ticket.client), 0);
        async_task *reader = async_create_task(read_byte, ticket.client);
        send_rest(&ticket);
        if (held)
            CHECK_STR(hear(&ticket), "last");
        CHECK_STR(hear(&ticket), "(goodbye)");
        answer(&ticket);
        CHECK_EQ(async_await(reader), '!');
        end(&ticket);
    }
    return 0;
}

LOOP_TEST(tls_close_sends_held_bytes_if_the_message_is_complete)
{
    struct ticket ticket = new_ticket();
    CHECK_EQ(async_stream_write(ticket.client, "last", 4), 0);
    send_rest(&ticket);
    async_stream_close(ticket.client);
    ticket.client = NULL;
    CHECK_STR(hear(&ticket), "last");
    CHECK_STR(hear(&ticket), "(goodbye)");
    end(&ticket);
    return 0;
}

/* With held bytes or close_notify alone, and after the end of writing. */
LOOP_TEST(tls_close_waits_for_the_rest_of_the_message_and_sends_held_bytes)
{
    for (int held = 0; held < 2; held++)
        for (int ended = 0; ended < 2; ended++) {
            struct ticket ticket = new_ticket();
            if (held)
                CHECK_EQ(async_stream_write(ticket.client, "last", 4), 0);
            if (ended)
                CHECK_EQ(async_stream_write_eof(ticket.client), 0);
            async_task *closing = async_create_task(close_stream, ticket.client);
            CHECK_EQ(async_sleep(0.01), 0);
            CHECK(!async_task_done(closing));
            send_rest(&ticket);
            if (held)
                CHECK_STR(hear(&ticket), "last");
            CHECK_STR(hear(&ticket), "(goodbye)");
            ticket.client = NULL;
            end(&ticket);
            CHECK_EQ(async_await(closing), 0);
        }
    return 0;
}

LOOP_TEST(tls_close_reports_lost_bytes_when_the_peer_goes)
{
    struct ticket ticket = new_ticket();
    CHECK_EQ(async_stream_write(ticket.client, "last", 4), 0);
    async_task *closing = async_create_task(close_stream, ticket.client);
    CHECK_EQ(async_sleep(0.01), 0);
    ticket.client = NULL;
    end(&ticket); /* the peer's end, too */
    int result = async_await(closing);
    CHECK(result == -ECONNRESET || result == -EPIPE);
    return 0;
}

/* ---- floods --------------------------------------------------------------------------------- */

static int send_key_updates(struct raw *peer, int count)
{
    for (int i = 0; i < count; i++) {
        if (SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
            SSL_do_handshake(peer->ssl) != 1)
            return -EPROTO;
        ASYNC_TRY(raw_send(*peer));
    }
    return 0;
}

static int shake_raw(struct raw *peer)
{
    return raw_shake_hands(*peer);
}
async_fn(shake_raw, struct raw *);

/*
 * A connection of ours whose peer sends so many KeyUpdates, then a byte, so many times. Returns the
 * result of our read.
 */
static int read_after_key_updates(int count, int times)
{
    struct pair pair = new_pair();
    async_auto_tls *tls = new_client_context(NULL);
    struct raw server = raw_new(pair.there, test_certificates()->server, TLS1_3_VERSION);
    async_task *serving = async_create_task(shake_raw, &server);
    int result = 0;
    CHECK_EQ(async_start_tls(pair.here, tls, "localhost"), 0);
    CHECK_EQ(async_await(serving), 0);
    for (int i = 0; i < times && result >= 0; i++) {
        CHECK_EQ(send_key_updates(&server, count), 0);
        CHECK_EQ(SSL_write(server.ssl, "x", 1), 1);
        async_ignore(raw_send(server));
        result = read_byte(pair.here);
    }
    async_stream_abort(pair.here);
    async_stream_close(pair.here);
    raw_free(server);
    return result;
}

LOOP_TEST(tls_occasional_key_updates_are_accepted)
{
    CHECK_EQ(read_after_key_updates(5, 20), 'x');
    return 0;
}

LOOP_TEST(tls_flood_of_key_updates_ends_the_connection)
{
    CHECK_EQ(read_after_key_updates(1000, 1), -EPROTO);
    CHECK_STR(strstr(async_strerror(-EPROTO), "messages of the protocol"),
              "messages of the protocol in a row without data");
    return 0;
}

LOOP_TEST(tls_holds_no_more_than_a_limit_for_a_peer_that_never_sends_the_rest)
{
    static const char piece[10000];
    struct ticket ticket = new_ticket();
    int result = 0;
    size_t written = 0;
    for (; result == 0 && written < 1 << 24; written += sizeof piece)
        result = async_stream_write(ticket.client, piece, sizeof piece);
    CHECK_EQ(result, -EPROTO);
    CHECK(written >= 256 * 1024 && written < 300 * 1024);
    CHECK_STR(async_strerror(-EPROTO),
              "-EPROTO: TLS: the peer sent only a part of a message of the protocol, and more "
              "than 256 KiB of output wait for the rest");
    CHECK_EQ(async_stream_write(ticket.client, piece, 1), -EPROTO);
    end(&ticket);
    return 0;
}

LOOP_TEST(tls_close_in_the_middle_of_a_message_ends_though_the_rest_never_comes)
{
    struct ticket ticket = new_ticket();
    double before = async_time();
    CHECK_EQ(async_stream_write(ticket.client, "lost", 4), 0);
    asyncp_current->poller.in_flight--; /* no answer is on the way: so the virtual clock goes on */
    CHECK_EQ(async_stream_wait_closed(ticket.client), -ETIMEDOUT);
    asyncp_current->poller.in_flight++;
    ticket.client = NULL;
    CHECK(async_time() - before >= 30 && async_time() - before < 60);
    CHECK_STR(hear(&ticket), "(error)"); /* no close_notify: the peer sees that bytes are missing */
    end(&ticket);
    return 0;
}

/* ---- TLS 1.2 -------------------------------------------------------------------------------- */

static int serve_request_for_new_handshake(struct raw *raw)
{
    char byte;
    CHECK_EQ(raw_shake_hands(*raw), 0);
    CHECK_EQ(raw_send(*raw), 0);
    CHECK_EQ(SSL_write(raw->ssl, "a", 1), 1);
    CHECK_EQ(SSL_renegotiate(raw->ssl), 1);
    CHECK_EQ(SSL_do_handshake(raw->ssl), 1); /* the request is made */
    CHECK_EQ(SSL_write(raw->ssl, "b", 1), 1);
    CHECK_EQ(raw_send(*raw), 0);
    return raw_read(*raw, &byte, 1) > 0 ? byte : -1;
}
async_fn(serve_request_for_new_handshake, struct raw *);

LOOP_TEST(tls_1_2_client_goes_on_after_a_request_for_a_new_handshake)
{
    async_auto_tls *tls = new_client_context(NULL);
    struct pair pair = new_pair();
    struct raw raw = raw_new(pair.there, test_certificates()->server, TLS1_2_VERSION);
    async_task *serving = async_create_task(serve_request_for_new_handshake, &raw);
    CHECK_EQ(async_start_tls(pair.here, tls, "localhost"), 0);
    CHECK_EQ(read_byte(pair.here), 'a');
    CHECK_EQ(async_stream_write(pair.here, "c", 1), 0);
    CHECK_EQ(read_byte(pair.here), 'b');
    CHECK_EQ(async_await(serving), 'c');
    async_stream_close(pair.here);
    raw_free(raw);
    return 0;
}
