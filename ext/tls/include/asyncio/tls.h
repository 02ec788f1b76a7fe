/*
 * asyncio/tls.h: TLS for streams, by OpenSSL 3: the library asyncio-tls. A context says who we are
 * and whom we trust; connections and servers take one in their options, and from then on the stream
 * is one like any other. A peer that has gone without saying goodbye gives -ECONNRESET, not an end:
 * what came may have been cut short. The end of one direction alone (async_stream_write_eof) is
 * possible from TLS 1.3 on.
 *
 * A handshake takes 8 to 14 KiB of its task's stack, by processor, key and version of OpenSSL;
 * reading, writing and closing take up to 8. So a task that does a handshake needs a stack of 32
 * KiB, and gets -EINVAL if it has less; a server's tasks have as much, whatever the options say.
 *
 *     async_auto_tls *tls = NULL;
 *     ASYNC_TRY(async_tls_client_new(&tls, NULL));
 *     async_connection_options options = {.tls = tls};
 *     ASYNC_TRY(async_open_connection(&stream, "example.com", 443, &options));
 *
 * What is written while a message of the peer's protocol has come in part (a ticket, new keys) is
 * sent after it: up to 256 KiB are held for that, and a write after these gives -EPROTO.
 *
 * When a handshake fails the error says why, in words: -EKEYREJECTED if we do not trust the peer's
 * certificate (which of them, and why), -EACCES if the peer does not trust ours, -EPROTO if the two
 * cannot agree.
 */
#ifndef ASYNCIO_TLS_H
#define ASYNCIO_TLS_H

#include <asyncio/layer.h>

ASYNC_BEGIN_C

/* Whether the peer must prove who it is. */
typedef enum async_tls_verify {
    ASYNC_TLS_VERIFY_DEFAULT,  /* a server must, a client need not */
    ASYNC_TLS_VERIFY_NONE,     /* nobody must: whoever sits in between can read everything */
    ASYNC_TLS_VERIFY_OPTIONAL, /* of a client: only if it has a certificate */
    ASYNC_TLS_VERIFY_REQUIRED  /* it must */
} async_tls_verify;

/* The versions of the protocol. */
typedef enum async_tls_version {
    ASYNC_TLS_VERSION_DEFAULT, /* 1.2 */
    ASYNC_TLS_VERSION_1_2,
    ASYNC_TLS_VERSION_1_3
} async_tls_version;

/*
 * What a context is made of; {0} and NULL mean the defaults. The strings are read while it is made.
 */
typedef struct async_tls_options {
    const char *
        certificate; /* a PEM file: our certificate, and those that link it to a root; NULL: none */
    const char *key; /* a PEM file with its private key, not encrypted; NULL: the same file */
    /* whom to trust: a PEM file, or an `openssl rehash` folder; NULL: the system's */
    const char *ca;
    /* protocols to agree on, the best first: "h2,http/1.1"; NULL: none is spoken of */
    const char *alpn;
    async_tls_verify verify;       /* whether the peer must prove who it is */
    async_tls_version min_version; /* the oldest version that will do */
    bool no_resumption;            /* every handshake is a whole one, and no tickets are given */
    double handshake_timeout;      /* seconds; 0: 60 */
    uint64_t asyncp_reserved[5];   /* 0 */
} async_tls_options;

/*
 * A context for clients. Peers must prove that they are whom the connection was asked for by name
 * or address. It reads files, which holds the loop for some milliseconds: so make one and keep it.
 * It may be used by several threads at once. 0, and *tls is yours to free; or -errno, and it is
 * NULL: -ENOENT and the like, -EINVAL for what is not PEM, a key that does not belong to the
 * certificate, and such. In a task, async_strerror tells which file. Never switches.
 */
ASYNC_API ASYNC_MUST int async_tls_client_new(async_tls **tls, const async_tls_options *options);

/* The same for servers, whose options must name a certificate. Never switches. */
ASYNC_API ASYNC_MUST int async_tls_server_new(async_tls **tls, const async_tls_options *options);

/* Takes the context; what was connected with it goes on. NULL is nothing. Never switches. */
ASYNC_API void async_tls_free(async_tls *tls);

/* For async_auto_tls. */
static inline void asyncp_auto_tls(async_tls **tls)
{
    async_tls_free(*tls);
}

/* async_auto_tls *tls = NULL; freed when the block is left. */
#define async_auto_tls ASYNC_CLEANUP(asyncp_auto_tls) async_tls

/* ---- what was negotiated; NULL: no TLS, or not known. Borrowed until the stream is closed ---- */

/* "TLSv1.3". Never switches. */
ASYNC_API const char *async_tls_protocol(const async_stream *stream);

/* The cipher: "TLS_AES_256_GCM_SHA384". Never switches. */
ASYNC_API const char *async_tls_cipher(const async_stream *stream);

/* What is spoken inside, of those in the options: "h2". Never switches. */
ASYNC_API const char *async_tls_alpn(const async_stream *stream);

/* The name that the client asked for (SNI), as async_printable shows it. Never switches. */
ASYNC_API const char *async_tls_server_name(const async_stream *stream);

/* Whether the handshake was a short one that resumed an earlier session. Never switches. */
ASYNC_API bool async_tls_resumed(const async_stream *stream);

/*
 * The subject of the peer's certificate as text[0..size): "CN=example.com,O=Example", as
 * async_printable shows it. Returns its whole length, as snprintf does; -ENOENT: it has shown none.
 * Never switches.
 */
ASYNC_API int async_tls_peer_subject(const async_stream *stream, char *text, size_t size);

/* ---- OpenSSL's own, for whatever else there is to ask or to set ----------------------------- */

struct ssl_st;
struct ssl_ctx_st;

/*
 * The stream's SSL, to be looked at; reading and writing are the stream's. Borrowed. Never
 * switches.
 */
ASYNC_API struct ssl_st *async_tls_ssl(const async_stream *stream);

/* The context's SSL_CTX, to be changed before the first connection. Borrowed. Never switches. */
ASYNC_API struct ssl_ctx_st *async_tls_ssl_context(async_tls *tls);

ASYNC_END_C
#endif
