/*
 * ext/tls/src/tls.h: contexts, connections and errors, for the files of asyncio-tls. They use only
 * the public headers of libasyncio, and OpenSSL.
 *
 *     stream ── layer ──> connection ── SSL ── BIO ──> async_transport_read, async_transport_write
 *
 * Invariant: no call of OpenSSL switches. If the socket has nothing to read, the BIO asks for a
 * retry, OpenSSL's call returns, and then the task waits. OpenSSL's error queue belongs to the
 * thread, not to the task.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <asyncio/tls.h>
#include <openssl/ssl.h>
#include <stdatomic.h>

enum { VERIFY_ERROR_BYTES = 256 };

/* More than twice a handshake's stack use. It depends on the processor and OpenSSL's version. */
enum { MIN_STACK_BYTES = 32 * 1024 };

struct sessions;

/* The object behind an async_tls. */
struct context {
    async_tls tls;         /* the public part; must be the first field */
    atomic_int references; /* one of the program and one of each connection */
    SSL_CTX *ssl;
    struct sessions *sessions; /* a client's cache; NULL: sessions are not resumed */
    unsigned char *alpn;       /* each protocol after its length; NULL: no ALPN */
    unsigned alpn_size;        /* bytes of alpn */
    bool serves;               /* a server context */
    bool skips_verification;   /* the peer's certificate is not verified */
};

/* The state of a stream's layer. */
struct connection {
    SSL *ssl;
    async_transport *transport; /* of the layer's stream */
    struct context *context;    /* a reference */
    /* the server name expected by a client, also the key of its session; NULL: none */
    char *name;
    char *alpn; /* the negotiated protocol; NULL: none */
    /* the name requested by a client, if it had to be made printable; else NULL */
    char *server_name;
    /* VERIFY_ERROR_BYTES: why a certificate was rejected; NULL after the handshake */
    char *verify_error;
    int transport_error; /* error of the socket in the current call, or 0 */
    int broken;          /* -errno after an error that ends the use of OpenSSL, or 0 */
    bool at_end;         /* the socket has no more data */
    bool handshake_done;
    bool holds_close_notify; /* close_notify is sent after the held output */
    unsigned char *held;     /* output held until the end of the peer's message; NULL: none */
    size_t held_size;        /* at most MAX_HELD_BYTES and one write */
    size_t held_capacity;
    unsigned messages; /* handshake messages received since the last data */
};

/* The calls of the layer. */
extern const async_stream_layer tlsp_layer;

/* The start of an async_tls: puts the layer on the stream and does the handshake. */
int tlsp_start(async_tls *tls, async_stream *stream, const char *server_name);

/*
 * Makes OpenSSL verify that the peer's certificate has the connection's name, and send it as SNI.
 * Returns 0 or -errno.
 */
int tlsp_expect_name(const struct connection *connection);

/* Releases a reference; the last one frees the context. */
void tlsp_context_release(struct context *context);

/* ---- errors --------------------------------------------------------------------------------- */

/*
 * Converts OpenSSL's error to -errno with an error message. what is the failed file or option.
 */
int tlsp_fail_with(const char *what);

/* Converts the error of a call on a connection to -errno with an error message. */
int tlsp_fail_on(struct connection *connection);

/*
 * Writes a name such as "CN=example.com" to text[0..size), as async_printable does. Returns the
 * length of the whole text, or -ENOMEM.
 */
int tlsp_format_name(const X509_NAME *name, char *text, size_t size);

/* OpenSSL's callback for each certificate: stores the first error. */
int tlsp_verify_cb(int trusted, X509_STORE_CTX *chain);

/* ---- sessions ------------------------------------------------------------------------------- */

/* Returns NULL if memory is exhausted. */
struct sessions *tlsp_sessions_new(void);
void tlsp_sessions_free(struct sessions *sessions);

/* Adds a session and takes it. Returns 1; 0 if memory is exhausted, and then it is not taken. */
int tlsp_sessions_add(struct sessions *sessions, const char *name, SSL_SESSION *session);

/*
 * Returns the last session of a name, with a reference for the caller; NULL if none can be resumed.
 */
SSL_SESSION *tlsp_sessions_find(struct sessions *sessions, const char *name);

#endif
