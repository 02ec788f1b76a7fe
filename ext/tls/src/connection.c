/*
 * ext/tls/src/connection.c: a stream's TLS: the BIO by which OpenSSL reads and writes the stream's
 * socket, the layer by which the stream reads and writes what is inside, and the handshake.
 */
#include "tls.h"
#include <asyncio/task.h>
#include <limits.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

enum { MOST_HELD_BYTES = 256 * 1024 };
enum {
    MOST_MESSAGES = 64
}; /* in a row; a server may give several tickets, and keys change rarely */

/* ---- what OpenSSL sees of the socket -------------------------------------------------------- */

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct connection *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int result = async_transport_read(connection->below, buffer, (size_t)size);
    if (result == 0)
        connection->at_end = true;
    if (result == -EAGAIN)
        BIO_set_retry_read(bio);
    else if (result < 0)
        connection->transport_error = result;
    return result < 0 ? -1 : result;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct connection *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int result = async_transport_write(connection->below, data, (size_t)size);
    if (result < 0)
        connection->transport_error = result;
    return result < 0 ? -1 : size;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct connection *connection = BIO_get_data(bio);
    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF)
        return connection->at_end;
    return command == BIO_CTRL_FLUSH; /* the stream sends on its own */
}

static BIO_METHOD *method;

static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                                    "an asyncio stream");
    if (made == NULL)
        return;
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    method = made;
}

/* NULL: there is not the memory. */
static BIO *new_bio(struct connection *connection)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    if (bio != NULL) {
        BIO_set_data(bio, connection);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* What a call of OpenSSL that did not work means for the layer. */
static int result_of(struct connection *connection, int returned)
{
    switch (SSL_get_error(connection->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return tls__fail_on(connection);
    }
}

/* ---- what is written in the middle of a message --------------------------------------------- */

/*
 * After the handshake the peer may send messages of its protocol, a ticket or new keys, in several
 * records. From the first to the last OpenSSL writes nothing, so what the program writes meanwhile
 * is held, and the goodbye as well.
 */
static bool is_inside_message(const struct connection *connection)
{
    return SSL_in_init(connection->ssl) == 1;
}

static void drop_held(struct connection *connection)
{
    OPENSSL_clear_free(connection->held, connection->held_capacity);
    connection->held = NULL;
    connection->held_size = connection->held_capacity = 0;
}

static int hold(struct connection *connection, const void *data, size_t size)
{
    size_t needed = connection->held_size + size;
    if (connection->held_size >= MOST_HELD_BYTES) { /* nothing can be written any more */
        drop_held(connection);
        return async_fail(
            -EPROTO,
            "TLS: the peer has sent a part of a message, and not the rest of it while more "
            "than %d KiB were written",
            MOST_HELD_BYTES / 1024);
    }
    if (needed > connection->held_capacity) {
        size_t capacity = needed > 2 * connection->held_capacity ? needed
                                                                 : 2 * connection->held_capacity;
        unsigned char *held = OPENSSL_realloc(connection->held, capacity);
        if (held == NULL)
            return -ENOMEM;
        connection->held = held;
        connection->held_capacity = capacity;
    }
    memcpy(connection->held + connection->held_size, data, size);
    connection->held_size = needed;
    return 0;
}

/* 0, or why not. */
static int write_now(struct connection *connection, const void *data, size_t size)
{
    size_t sent;
    ERR_clear_error();
    if (SSL_write_ex(connection->ssl, data, size, &sent) == 1)
        return 0;
    return tls__fail_on(connection); /* the BIO takes all, so this is no "later" */
}

/* Once the message is complete, what was held goes out. 0, or why it cannot. */
static int send_held(struct connection *connection)
{
    int result = 0;
    if (is_inside_message(connection) || connection->broken != 0)
        return 0;
    if (connection->held_size > 0)
        result = write_now(connection, connection->held, connection->held_size);
    drop_held(connection);
    if (connection->holds_goodbye && result == 0) {
        connection->holds_goodbye = false;
        ERR_clear_error();
        result = SSL_shutdown(connection->ssl) >= 0 ? 0 : tls__fail_on(connection);
    }
    return result;
}

/*
 * The rest of the message may have come, and nobody has read it. What the program is to read stays
 * for it.
 */
static int complete_message(struct connection *connection)
{
    char byte;
    size_t got;
    if (!is_inside_message(connection))
        return 0;
    ERR_clear_error();
    int done = SSL_peek_ex(connection->ssl, &byte, 1, &got);
    int result = done == 1 ? 0 : result_of(connection, done);
    return result == -EAGAIN || result == 0 ? send_held(connection) : result;
}

/* ---- the layer ------------------------------------------------------------------------------ */

/*
 * Each of them costs a key or a ticket, and an answer: a peer that sends nothing else keeps the
 * processor busy for nothing.
 */
static int refuse_messages(struct connection *connection)
{
    connection->broken = -EPROTO;
    return async_fail(-EPROTO,
                      "TLS: the peer has sent %u messages of the protocol in a row and no data",
                      connection->messages);
}

static int layer_read(void *state, async_transport *below, void *buffer, size_t size)
{
    struct connection *connection = state;
    size_t got;
    (void)below;
    if (connection->broken != 0)
        return connection->broken;
    if (size > INT_MAX)
        size = INT_MAX;
    ERR_clear_error();
    int done = SSL_read_ex(connection->ssl, buffer, size, &got);
    int result = done == 1 ? (int)got : result_of(connection, done);
    if (connection->messages > MOST_MESSAGES)
        return refuse_messages(connection);
    if (result != -EAGAIN)
        connection->messages = 0;
    if (connection->held_size > 0 || connection->holds_goodbye)
        async_ignore(send_held(connection)); /* the next call tells of an error */
    return result;
}

static int layer_write(void *state, async_transport *below, const void *data, size_t size)
{
    struct connection *connection = state;
    (void)below;
    if (connection->broken != 0)
        return connection->broken;
    if (!connection->is_up)
        return async_fail(-EBUSY, "TLS: nothing can be written before the handshake is over");
    ASYNC_TRY(complete_message(connection));
    return is_inside_message(connection) ? hold(connection, data, size)
                                         : write_now(connection, data, size);
}

static int layer_finish(void *state, async_transport *below)
{
    struct connection *connection = state;
    (void)below;
    if (connection->broken != 0 || !connection->is_up)
        return 0;
    ASYNC_TRY(complete_message(connection));
    connection->holds_goodbye = true;
    return send_held(connection);
}

static void layer_free(void *state)
{
    struct connection *connection = state;
    SSL_free(connection->ssl); /* and its BIO */
    drop_held(connection);
    tls__context_release(connection->context);
    OPENSSL_free(connection->name);
    OPENSSL_free(connection->complaint);
    OPENSSL_free(connection->alpn);
    OPENSSL_free(connection->server_name);
    OPENSSL_free(connection);
}

static size_t layer_held(void *state)
{
    const struct connection *connection = state;
    return connection->broken == 0 ? connection->held_size + connection->holds_goodbye : 0;
}

const async_stream_layer tls__layer = {layer_read, layer_write, layer_finish, layer_free,
                                       layer_held};

/* ---- the handshake -------------------------------------------------------------------------- */

static void offer_session(const struct connection *connection)
{
    const struct context *context = connection->context;
    SSL_SESSION *session = context->sessions != NULL && connection->name != NULL
                               ? tls__sessions_find(context->sessions, connection->name)
                               : NULL;
    if (session != NULL)
        SSL_set_session(connection->ssl, session);
    SSL_SESSION_free(session);
}

/* OpenSSL has sent or received something: handshake messages after the handshake are counted. */
static void count_message(int sent, int version, int kind, const void *bytes, size_t size, SSL *ssl,
                          void *unused)
{
    struct connection *connection = SSL_get_app_data(ssl);
    (void)version, (void)bytes, (void)size, (void)unused;
    connection->messages += !sent && kind == SSL3_RT_HANDSHAKE && connection->is_up;
}

static int prepare(struct connection *connection)
{
    BIO *bio = new_bio(connection);
    connection->ssl = SSL_new(connection->context->ssl);
    if (bio == NULL || connection->ssl == NULL) {
        BIO_free(bio);
        return tls__fail_with("a connection");
    }
    SSL_set_bio(connection->ssl, bio, bio);
    SSL_set_app_data(connection->ssl, connection);
    SSL_set_msg_callback(connection->ssl, count_message);
    if (connection->context->serves) {
        SSL_set_accept_state(connection->ssl);
        return 0;
    }
    SSL_set_connect_state(connection->ssl);
    int result = tls__expect_name(connection);
    offer_session(connection);
    return result;
}

/* A connection of that context, with the stream; *out is NULL unless this gives 0. */
static int make(struct connection **out, struct context *context, async_stream *stream,
                const char *name)
{
    struct connection *connection = OPENSSL_zalloc(sizeof *connection);
    *out = NULL;
    if (connection == NULL)
        return -ENOMEM;
    connection->below = async_stream_transport(stream);
    connection->context = context;
    atomic_fetch_add(&context->references, 1);
    connection->name = name != NULL ? OPENSSL_strdup(name) : NULL;
    connection->complaint = OPENSSL_zalloc(COMPLAINT_BYTES);
    bool has_all = connection->complaint != NULL && (name == NULL || connection->name != NULL);
    int result = has_all ? prepare(connection) : -ENOMEM;
    if (result < 0)
        layer_free(connection);
    else
        *out = connection;
    return result;
}

/* Whether it is one of ours; that a server keeps to them is for us to see. */
static bool was_offered(const struct context *context, const unsigned char *name, unsigned length)
{
    for (unsigned i = 0; i < context->alpn_size; i += 1u + context->alpn[i])
        if (context->alpn[i] == length && memcmp(context->alpn + i + 1, name, length) == 0)
            return true;
    return false;
}

static int keep_alpn(struct connection *connection)
{
    const unsigned char *name;
    unsigned length;
    SSL_get0_alpn_selected(connection->ssl, &name, &length);
    if (length == 0)
        return 0;
    if (connection->context->alpn != NULL && !was_offered(connection->context, name, length))
        return async_fail(-EPROTO, "TLS: the peer chose a protocol that was not offered");
    connection->alpn = OPENSSL_strndup((const char *)name, length);
    return connection->alpn != NULL ? 0 : -ENOMEM;
}

/* As a server may print it; such a name that has to be changed for that is no host's. */
static int keep_server_name(struct connection *connection)
{
    const char *name = SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name);
    size_t length = name != NULL ? strlen(name) : 0,
           size = async_printable(NULL, 0, name, length) + 1;
    if (size == length + 1)
        return 0;
    connection->server_name = OPENSSL_malloc(size);
    if (connection->server_name == NULL)
        return -ENOMEM;
    async_printable(connection->server_name, size, name, length);
    return 0;
}

/* While it waits somebody may close the stream, and the connection is gone. */
static int shake_hands(struct connection *connection)
{
    for (;;) {
        ERR_clear_error();
        int done = SSL_do_handshake(connection->ssl);
        if (done == 1)
            break;
        int result = result_of(connection, done);
        if (result != -EAGAIN) /* 0: a peer that says goodbye instead */
            return result < 0 ? result : async_fail(-ECONNRESET, "TLS: the peer does not want to");
        ASYNC_TRY(async_transport_wait(connection->below));
    }
    connection->is_up = true;
    OPENSSL_free(connection->complaint);
    connection->complaint = NULL;
    ASYNC_TRY(keep_server_name(connection));
    return keep_alpn(connection);
}

int tls__start(async_tls *tls, async_stream *stream, const char *server_name)
{
    struct context *context = (struct context *)tls; /* which it begins */
    struct connection *connection;
    size_t stack_size = async_task_stack_size(async_current_task());
    if (stack_size < LEAST_STACK_BYTES)
        return async_fail(
            -EINVAL,
            "TLS: a handshake needs a task with a stack of %d KiB, and this one's has %zu: "
            "stack_size in the options of the task or the run says it",
            LEAST_STACK_BYTES / 1024, stack_size / 1024);
    ASYNC_TRY(make(&connection, context, stream, server_name));
    int result = async_stream_set_layer(stream, &tls__layer, connection);
    if (result < 0)
        layer_free(connection);
    return result < 0 ? result : shake_hands(connection);
}
