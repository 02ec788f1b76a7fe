/*
 * asyncio/tls.h: TLS for streams, with OpenSSL 3, in the library asyncio-tls.
 *
 *     async_auto_tls *tls = NULL;
 *     ASYNC_TRY(async_tls_client_new(&tls, NULL));
 *     async_connection_options options = {.tls = tls};
 *     ASYNC_TRY(async_open_connection(&stream, "example.com", 443, &options));
 *
 * A context has the certificates and settings of one side. It is an option of connections and
 * servers, whose streams are then encrypted and are otherwise used as before. A context may be used
 * by several threads.
 *
 * Errors of a handshake have an error message with the reason:
 *
 *     -EKEYREJECTED   this side does not trust the peer's certificate
 *     -EACCES         the peer does not trust the certificate of this side
 *     -EPROTO         the two sides have no version, cipher or protocol in common, or the peer does
 *                     not use TLS
 *     -ECONNRESET     the peer has closed the connection
 *
 * If the peer closes the connection without close_notify, the stream gives -ECONNRESET, not an end:
 * the data may be truncated. async_stream_write_eof, which ends one direction, needs TLS 1.3.
 *
 * Stack: a handshake uses 8 to 14 KiB of its task's stack, depending on the processor, the key and
 * the version of OpenSSL; reading, writing and closing use up to 8 KiB. A handshake needs a stack
 * of 32 KiB; in a task with less it fails with -EINVAL. The tasks of a server's connections have at
 * least 32 KiB.
 *
 * A post-handshake message of the peer (a ticket, new keys) may arrive in parts. Output written
 * meanwhile is held until the message is complete. At most 256 KiB are held; then a write fails
 * with -EPROTO.
 */
#ifndef ASYNCIO_TLS_H
#define ASYNCIO_TLS_H

#include <asyncio/layer.h>

ASYNC_BEGIN_C

/* Whether the peer must have a verifiable certificate. */
typedef enum async_tls_verify {
    ASYNC_TLS_VERIFY_DEFAULT,  /* required of a server, not requested of a client */
    ASYNC_TLS_VERIFY_NONE,     /* not verified: does not protect against an attacker in between */
    ASYNC_TLS_VERIFY_OPTIONAL, /* requested of a client and verified if it has one */
    ASYNC_TLS_VERIFY_REQUIRED  /* required */
} async_tls_verify;

/* Versions of TLS. */
typedef enum async_tls_version {
    ASYNC_TLS_VERSION_DEFAULT, /* TLS 1.2 */
    ASYNC_TLS_VERSION_1_2,
    ASYNC_TLS_VERSION_1_3
} async_tls_version;

/* Options of a context; {0} and NULL mean the defaults. Strings are borrowed for the call. */
typedef struct async_tls_options {
    /* a PEM file with the certificate and the chain to its root; NULL: none */
    const char *certificate;
    /* a PEM file with the private key, not encrypted; NULL: the file of the certificate */
    const char *key;
    /* trusted certificates: a PEM file or an `openssl rehash` directory; NULL: the system's */
    const char *ca;
    /* application protocols (ALPN), the preferred one first: "h2,http/1.1"; NULL: no ALPN */
    const char *alpn;
    async_tls_verify verify;
    async_tls_version min_version; /* the oldest accepted version */
    bool no_resumption;            /* no session is resumed, and a server sends no tickets */
    double handshake_timeout;      /* seconds; 0: 60 */
    uint64_t asyncp_reserved[5];   /* 0 */
} async_tls_options;

/*
 * Creates a context for clients. A client verifies that the server's certificate is for the host
 * name or the address of the connection.
 *
 * It reads files, which blocks the loop for some milliseconds, so create a context once. options
 * may be NULL. In a task the error message names the file.
 *
 * Borrows the options. The caller owns *tls and frees it with async_tls_free; after an error it is
 * NULL.
 * Returns 0.
 * -ENOENT, -EACCES or another error of open(2) if a file cannot be read.
 * -EINVAL if a file is not PEM, the key does not belong to the certificate, or an option is not
 * valid.
 * -ENOMEM.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_tls_client_new(async_tls **tls, const async_tls_options *options);

/*
 * Creates a context for servers; otherwise like async_tls_client_new. The options must have a
 * certificate.
 *
 * Borrows the options. The caller owns *tls and frees it with async_tls_free; after an error it is
 * NULL.
 * Returns 0, or an error of async_tls_client_new.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_tls_server_new(async_tls **tls, const async_tls_options *options);

/*
 * Frees the context. Its connections continue.
 *
 * Takes the context. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_tls_free(async_tls *tls);

static inline void asyncp_auto_tls(async_tls **tls)
{
    async_tls_free(*tls);
}

/*
 * async_auto_tls *tls = NULL;
 *
 * Declares a context and frees it when the block is left.
 */
#define async_auto_tls ASYNC_CLEANUP(asyncp_auto_tls) async_tls

/*
 * Returns the version of TLS, such as "TLSv1.3"; NULL if the stream does not use TLS or the
 * handshake has not ended.
 *
 * The text is valid until the stream is closed.
 * Never switches.
 */
ASYNC_API const char *async_tls_protocol(const async_stream *stream);

/*
 * Returns the cipher, such as "TLS_AES_256_GCM_SHA384"; NULL as for async_tls_protocol.
 *
 * The text is valid until the stream is closed.
 * Never switches.
 */
ASYNC_API const char *async_tls_cipher(const async_stream *stream);

/*
 * Returns the negotiated application protocol, such as "h2"; NULL without one, and as for
 * async_tls_protocol.
 *
 * The text is valid until the stream is closed.
 * Never switches.
 */
ASYNC_API const char *async_tls_alpn(const async_stream *stream);

/*
 * Returns the server name requested by the client (SNI), as async_printable writes it; NULL without
 * one, and as for async_tls_protocol.
 *
 * The text is valid until the stream is closed.
 * Never switches.
 */
ASYNC_API const char *async_tls_server_name(const async_stream *stream);

/*
 * Returns true if the handshake has resumed an earlier session.
 * Never switches.
 */
ASYNC_API bool async_tls_resumed(const async_stream *stream);

/*
 * Writes the subject of the peer's certificate to text[0..size), such as
 * "CN=example.com,O=Example", as async_printable writes it.
 *
 * Returns the length of the whole text, as snprintf does; -ENOENT if the peer has no certificate,
 * or the stream does not use TLS; -EINVAL if text is NULL and size is not 0; -ENOMEM.
 * Never switches.
 */
ASYNC_API int async_tls_peer_subject(const async_stream *stream, char *text, size_t size);

struct ssl_st;
struct ssl_ctx_st;

/*
 * Returns OpenSSL's SSL of the stream, borrowed, for functions missing in this header. The program
 * must not read or write with it. NULL as for async_tls_protocol.
 * Never switches.
 */
ASYNC_API struct ssl_st *async_tls_ssl(const async_stream *stream);

/*
 * Returns OpenSSL's SSL_CTX of the context, borrowed, for settings missing in this header. Change
 * it before the first connection. NULL if tls is NULL.
 * Never switches.
 */
ASYNC_API struct ssl_ctx_st *async_tls_ssl_context(async_tls *tls);

ASYNC_END_C
#endif
