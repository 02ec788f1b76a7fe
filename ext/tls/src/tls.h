/*
 * ext/tls/src/tls.h: what the files of asyncio-tls share: contexts, connections, and how errors are
 * told. All of it stands on the public headers of libasyncio and on OpenSSL.
 *
 *     stream ── layer ──> connection ── SSL ── BIO ──> async_transport_read, async_transport_write
 *
 * Invariant: no call into OpenSSL ever waits. Its BIO says "later" when the socket has nothing, the
 * call comes back, and only then the task waits (OpenSSL's queue of errors is the thread's, and not
 * the task's).
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <asyncio/tls.h>
#include <openssl/ssl.h>
#include <stdatomic.h>

enum { COMPLAINT_BYTES = 256 };

/* More than twice what a handshake was seen to take: OpenSSL differs by processor and version. */
enum { LEAST_STACK_BYTES = 32 * 1024 };

struct sessions;

/* What an async_tls is. */
struct context {
    async_tls tls;             /* what the program has */
    atomic_int references;     /* the program's, and one of each connection */
    SSL_CTX *ssl;              /* OpenSSL's context */
    struct sessions *sessions; /* of a client, to be resumed; NULL: none are kept */
    unsigned char *alpn;       /* the protocols, each with its length before it; NULL: none */
    unsigned alpn_size;        /* bytes of that */
    bool serves;               /* it is a server's */
    bool trusts_anybody;       /* a client's that does not ask who the peer is */
};

/* A stream's layer. */
struct connection {
    SSL *ssl;                /* OpenSSL's part of it */
    async_transport *below;  /* whose layer it is */
    struct context *context; /* holds a reference */
    char *name; /* whom a client asked for; its sessions are kept by that; NULL: nobody by name */
    char *alpn; /* what was agreed on; NULL: nothing */
    /* what the client asked for, made printable; NULL: OpenSSL has it as it is */
    char *server_name;
    char *
        /* until the handshake is over: COMPLAINT_BYTES for why a certificate is not trusted */
        complaint;
    int transport_error;  /* what the socket said in the call that is being made; 0: nothing bad */
    int broken;           /* why OpenSSL must not be called again, -errno; 0: it may */
    bool at_end;          /* the socket has ended */
    bool is_up;           /* the handshake is over */
    bool holds_goodbye;   /* after what is held the peer is to hear that no more will come */
    unsigned char *held;  /* what was written in the middle of the peer's message; NULL: nothing */
    size_t held_size;     /* bytes of that: less than MOST_HELD_BYTES, and one write */
    size_t held_capacity; /* bytes of its memory */
    unsigned messages;    /* handshake messages since the handshake or since there was data */
};

/* Calls of the layer. */
extern const async_stream_layer tls__layer;

/* Puts TLS on the stream and does the handshake: the start of an async_tls. */
int tls__start(async_tls *tls, async_stream *stream, const char *server_name);

/*
 * Has OpenSSL demand the connection's name of the peer's certificate, and ask for it by SNI. 0 or
 * -errno.
 */
int tls__expect_name(const struct connection *connection);

/* Drops a reference; the last one frees it. */
void tls__context_release(struct context *context);

/* ---- errors --------------------------------------------------------------------------------- */

/*
 * -errno and a sentence for what OpenSSL said about making a context out of that, "certificate
 * x.pem".
 */
int tls__fail_with(const char *what);

/* The same for a call of a connection that did not work. */
int tls__fail_on(struct connection *connection);

/*
 * A name as people write it, as text[0..size), printable: "CN=example.com". Its whole length, or
 * -ENOMEM.
 */
int tls__tell_name(const X509_NAME *name, char *text, size_t size);

/* Asked by OpenSSL about each certificate: keeps the first complaint. */
int tls__judge(int trusted, X509_STORE_CTX *chain);

/* ---- sessions ------------------------------------------------------------------------------- */

/* NULL: there is not the memory. */
struct sessions *tls__sessions_new(void);
void tls__sessions_free(struct sessions *sessions);

/* Keeps the session, and takes it: 1; or 0, and it is the caller's still. */
int tls__sessions_keep(struct sessions *sessions, const char *name, SSL_SESSION *session);

/*
 * The last session with that name, with a reference of the caller's own; NULL: there is none to
 * resume.
 */
SSL_SESSION *tls__sessions_find(struct sessions *sessions, const char *name);

#endif
