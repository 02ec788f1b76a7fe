/*
 * ext/tls/src/connection.c: TLS of a stream: the BIO through which OpenSSL reads and writes the
 * socket, the layer through which the stream reads and writes data, and the handshake.
 */
#include "tls.h"
#include <asyncio/task.h>
#include <limits.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

enum { MAX_HELD_BYTES = 256 * 1024 };
enum {
    MAX_MESSAGES = 64
}; /* without data between them; a server may send several tickets, and keys change rarely */

/* ---- the BIO -------------------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct connection *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int result = async_transport_read(connection->transport, buffer, (size_t)size);
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
    int result = async_transport_write(connection->transport, data, (size_t)size);
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
    return command == BIO_CTRL_FLUSH; /* the stream sends its output by itself */
}

static BIO_METHOD *method;

static void create_bio_method(void)
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

/* Returns NULL if memory is exhausted. */
static BIO *create_bio(struct connection *connection)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, create_bio_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    if (bio != NULL) {
        BIO_set_data(bio, connection);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* The result of the layer's call after a call of OpenSSL has failed. */
static int result_of_call(struct connection *connection, int returned)
{
    switch (SSL_get_error(connection->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return tlsp_fail_on(connection);
    }
}

/* ---- output during a message of the peer ---------------------------------------------------- */

/*
 * After the handshake the peer may send messages of the protocol (a ticket, new keys) in several
 * records. Between the first and the last record OpenSSL cannot write, so output and close_notify
 * are held until then.
 */
static bool is_inside_message(const struct connection *connection)
{
    return SSL_in_init(connection->ssl) == 1;
}

static void discard_held(struct connection *connection)
{
    OPENSSL_clear_free(connection->held, connection->held_capacity);
    connection->held = NULL;
    connection->held_size = connection->held_capacity = 0;
}

static int hold_output(struct connection *connection, const void *data, size_t size)
{
    size_t needed = connection->held_size + size;
    if (connection->held_size >= MAX_HELD_BYTES) { /* the connection fails */
        discard_held(connection);
        return async_fail(
            -EPROTO,
            "TLS: the peer sent only a part of a message of the protocol, and more than %d KiB of "
            "output wait for the rest",
            MAX_HELD_BYTES / 1024);
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

/* Returns 0 or the error. */
static int write_now(struct connection *connection, const void *data, size_t size)
{
    size_t sent;
    ERR_clear_error();
    if (SSL_write_ex(connection->ssl, data, size, &sent) == 1)
        return 0;
    return tlsp_fail_on(connection); /* not a retry: the BIO accepts all data */
}

/* Sends the held output if the peer's message is complete. Returns 0 or the error. */
static int send_held(struct connection *connection)
{
    int result = 0;
    if (is_inside_message(connection) || connection->broken != 0)
        return 0;
    if (connection->held_size > 0)
        result = write_now(connection, connection->held, connection->held_size);
    discard_held(connection);
    if (connection->holds_close_notify && result == 0) {
        connection->holds_close_notify = false;
        ERR_clear_error();
        result = SSL_shutdown(connection->ssl) >= 0 ? 0 : tlsp_fail_on(connection);
    }
    return result;
}

/*
 * Reads the rest of the peer's message if it was received. Data for the program is left unread.
 */
static int complete_message(struct connection *connection)
{
    char byte;
    size_t got;
    if (!is_inside_message(connection))
        return 0;
    ERR_clear_error();
    int done = SSL_peek_ex(connection->ssl, &byte, 1, &got);
    int result = done == 1 ? 0 : result_of_call(connection, done);
    return result == -EAGAIN || result == 0 ? send_held(connection) : result;
}

/* ---- the layer ------------------------------------------------------------------------------ */

/*
 * Each message costs a key or a ticket, and an answer: a peer that sends nothing else could keep
 * the processor busy.
 */
static int fail_on_message_flood(struct connection *connection)
{
    connection->broken = -EPROTO;
    return async_fail(-EPROTO,
                      "TLS: the peer sent %u messages of the protocol in a row without data",
                      connection->messages);
}

static int layer_read(void *state, async_transport *transport, void *buffer, size_t size)
{
    struct connection *connection = state;
    size_t got;
    (void)transport;
    if (connection->broken != 0)
        return connection->broken;
    if (size > INT_MAX)
        size = INT_MAX;
    ERR_clear_error();
    int done = SSL_read_ex(connection->ssl, buffer, size, &got);
    int result = done == 1 ? (int)got : result_of_call(connection, done);
    if (connection->messages > MAX_MESSAGES)
        return fail_on_message_flood(connection);
    if (result != -EAGAIN)
        connection->messages = 0;
    if (connection->held_size > 0 || connection->holds_close_notify)
        async_ignore(send_held(connection)); /* the next call returns the error */
    return result;
}

static int layer_write(void *state, async_transport *transport, const void *data, size_t size)
{
    struct connection *connection = state;
    (void)transport;
    if (connection->broken != 0)
        return connection->broken;
    if (!connection->handshake_done)
        return async_fail(-EBUSY, "TLS: cannot write before the end of the handshake");
    ASYNC_TRY(complete_message(connection));
    return is_inside_message(connection) ? hold_output(connection, data, size)
                                         : write_now(connection, data, size);
}

static int layer_finish(void *state, async_transport *transport)
{
    struct connection *connection = state;
    (void)transport;
    if (connection->broken != 0 || !connection->handshake_done)
        return 0;
    ASYNC_TRY(complete_message(connection));
    connection->holds_close_notify = true;
    return send_held(connection);
}

static void layer_free(void *state)
{
    struct connection *connection = state;
    SSL_free(connection->ssl); /* frees the BIO too */
    discard_held(connection);
    tlsp_context_release(connection->context);
    OPENSSL_free(connection->name);
    OPENSSL_free(connection->verify_error);
    OPENSSL_free(connection->alpn);
    OPENSSL_free(connection->server_name);
    OPENSSL_free(connection);
}

static size_t layer_held(void *state)
{
    const struct connection *connection = state;
    return connection->broken == 0 ? connection->held_size + connection->holds_close_notify : 0;
}

const async_stream_layer tlsp_layer = {layer_read, layer_write, layer_finish, layer_free,
                                       layer_held};

/* ---- the handshake -------------------------------------------------------------------------- */

static void offer_session(const struct connection *connection)
{
    const struct context *context = connection->context;
    SSL_SESSION *session = context->sessions != NULL && connection->name != NULL
                               ? tlsp_sessions_find(context->sessions, connection->name)
                               : NULL;
    if (session != NULL)
        SSL_set_session(connection->ssl, session);
    SSL_SESSION_free(session);
}

/* OpenSSL's callback for each message: counts those received after the handshake. */
static void count_message(int sent, int version, int kind, const void *bytes, size_t size, SSL *ssl,
                          void *unused)
{
    struct connection *connection = SSL_get_app_data(ssl);
    (void)version, (void)bytes, (void)size, (void)unused;
    connection->messages += !sent && kind == SSL3_RT_HANDSHAKE && connection->handshake_done;
}

static int prepare(struct connection *connection)
{
    BIO *bio = create_bio(connection);
    connection->ssl = SSL_new(connection->context->ssl);
    if (bio == NULL || connection->ssl == NULL) {
        BIO_free(bio);
        return tlsp_fail_with("a connection");
    }
    SSL_set_bio(connection->ssl, bio, bio);
    SSL_set_app_data(connection->ssl, connection);
    SSL_set_msg_callback(connection->ssl, count_message);
    if (connection->context->serves) {
        SSL_set_accept_state(connection->ssl);
        return 0;
    }
    SSL_set_connect_state(connection->ssl);
    int result = tlsp_expect_name(connection);
    offer_session(connection);
    return result;
}

/* Creates a connection for a stream. *out is NULL after an error. */
static int create_connection(struct connection **out, struct context *context, async_stream *stream,
                             const char *name)
{
    struct connection *connection = OPENSSL_zalloc(sizeof *connection);
    *out = NULL;
    if (connection == NULL)
        return -ENOMEM;
    connection->transport = async_stream_transport(stream);
    connection->context = context;
    atomic_fetch_add(&context->references, 1);
    connection->name = name != NULL ? OPENSSL_strdup(name) : NULL;
    connection->verify_error = OPENSSL_zalloc(VERIFY_ERROR_BYTES);
    bool has_all = connection->verify_error != NULL && (name == NULL || connection->name != NULL);
    int result = has_all ? prepare(connection) : -ENOMEM;
    if (result < 0)
        layer_free(connection);
    else
        *out = connection;
    return result;
}

/* True if the protocol is in options.alpn. OpenSSL does not check the server's choice. */
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
        return async_fail(
            -EPROTO, "TLS: the peer selected an application protocol that is not in options.alpn");
    connection->alpn = OPENSSL_strndup((const char *)name, length);
    return connection->alpn != NULL ? 0 : -ENOMEM;
}

/* Stores a printable copy of the name requested by the client, if it is not printable. */
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

/* If the stream is closed while this waits, the connection does not exist any more. */
static int run_handshake(struct connection *connection)
{
    for (;;) {
        ERR_clear_error();
        int done = SSL_do_handshake(connection->ssl);
        if (done == 1)
            break;
        int result = result_of_call(connection, done);
        if (result != -EAGAIN) /* 0: the peer sent close_notify */
            return result < 0
                       ? result
                       : async_fail(-ECONNRESET,
                                    "TLS: the peer closed the connection during the handshake");
        ASYNC_TRY(async_transport_wait(connection->transport));
    }
    connection->handshake_done = true;
    OPENSSL_free(connection->verify_error);
    connection->verify_error = NULL;
    ASYNC_TRY(keep_server_name(connection));
    return keep_alpn(connection);
}

int tlsp_start(async_tls *tls, async_stream *stream, const char *server_name)
{
    struct context *context = (struct context *)tls; /* its first field */
    struct connection *connection;
    size_t stack_size = async_task_stack_size(async_current_task());
    if (stack_size < MIN_STACK_BYTES)
        return async_fail(
            -EINVAL,
            "TLS: a handshake needs a stack of %d KiB, and this task has %zu KiB; set stack_size "
            "in the options of the task or the run",
            MIN_STACK_BYTES / 1024, stack_size / 1024);
    ASYNC_TRY(create_connection(&connection, context, stream, server_name));
    int result = async_stream_set_layer(stream, &tlsp_layer, connection);
    if (result < 0)
        layer_free(connection);
    return result < 0 ? result : run_handshake(connection);
}
