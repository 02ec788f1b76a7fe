/*
 * ext/tls/src/context.c: creates a context from its options: certificate, trusted certificates,
 * versions, ALPN and the session cache.
 */
#include "tls.h"
#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ALPN_BYTES = 255 };

/* ---- the certificate ------------------------------------------------------------------------ */

/* Returns no password. Without this callback OpenSSL reads one from the terminal. */
static int password_cb(char *buffer, int size, int writing, void *unused)
{
    (void)buffer, (void)size, (void)writing, (void)unused;
    return -1;
}

static int load_certificate(struct context *context, const async_tls_options *options)
{
    const char *certificate = options->certificate;
    const char *key = options->key != NULL ? options->key : certificate;
    if (certificate == NULL)
        return !context->serves && options->key == NULL
                   ? 0
                   : async_fail(-EINVAL, "TLS: options.certificate is NULL; it must be a PEM file");
    SSL_CTX_set_default_passwd_cb(context->ssl, password_cb);
    if (SSL_CTX_use_certificate_chain_file(context->ssl, certificate) != 1)
        return tlsp_fail_with(certificate);
    return SSL_CTX_use_PrivateKey_file(context->ssl, key, SSL_FILETYPE_PEM) == 1
               ? 0
               : tlsp_fail_with(key);
}

/* ---- trusted certificates ------------------------------------------------------------------- */

static int load_ca(struct context *context, const char *ca)
{
    struct stat status;
    if (stat(ca, &status) < 0)
        return async_fail(-errno, "TLS: %s: %s", ca, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return SSL_CTX_load_verify_dir(context->ssl, ca) == 1 ? 0 : tlsp_fail_with(ca);
    if (SSL_CTX_load_verify_file(context->ssl, ca) != 1)
        return tlsp_fail_with(ca);
    if (context->serves) /* clients are told which certificates are accepted */
        SSL_CTX_set_client_CA_list(context->ssl, SSL_load_client_CA_file(ca));
    return 0;
}

static int set_verify(struct context *context, const async_tls_options *options)
{
    static const int modes[] = {[ASYNC_TLS_VERIFY_NONE] = SSL_VERIFY_NONE,
                                [ASYNC_TLS_VERIFY_OPTIONAL] = SSL_VERIFY_PEER,
                                [ASYNC_TLS_VERIFY_REQUIRED] = SSL_VERIFY_PEER |
                                                              SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
    async_tls_verify verify = options->verify;
    if ((unsigned)verify > ASYNC_TLS_VERIFY_REQUIRED)
        return async_fail(-EINVAL,
                          "TLS: options.verify is %d, which is not an "
                          "async_tls_verify",
                          (int)verify);
    if (verify == ASYNC_TLS_VERIFY_DEFAULT)
        verify = context->serves ? ASYNC_TLS_VERIFY_NONE : ASYNC_TLS_VERIFY_REQUIRED;
    context->skips_verification = verify == ASYNC_TLS_VERIFY_NONE;
    SSL_CTX_set_verify(context->ssl, modes[verify], tlsp_verify_cb);
    if (options->ca != NULL)
        return load_ca(context, options->ca);
    if (context->skips_verification)
        return 0;
    return SSL_CTX_set_default_verify_paths(context->ssl) == 1
               ? 0
               : tlsp_fail_with("the system's CA certificates");
}

/* ---- versions and ALPN ---------------------------------------------------------------------- */

/* Converts "h2,http/1.1" to "\2h2\10http/1.1". */
static int parse_alpn(struct context *context, const char *list)
{
    size_t size = strlen(list) + 1;
    context->alpn = size <= MAX_ALPN_BYTES ? OPENSSL_malloc(size) : NULL;
    if (context->alpn == NULL)
        return size <= MAX_ALPN_BYTES ? -ENOMEM
                                      : async_fail(-EINVAL,
                                                   "TLS: options.alpn is longer than %d "
                                                   "bytes",
                                                   MAX_ALPN_BYTES - 1);
    context->alpn_size = (unsigned)size;
    unsigned char *place = context->alpn;
    for (;;) {
        size_t length = strcspn(list, ",");
        if (length == 0)
            return async_fail(-EINVAL, "TLS: options.alpn has an empty name");
        *place++ = (unsigned char)length;
        memcpy(place, list, length);
        place += length;
        if (list[length] == 0)
            return 0;
        list += length + 1;
    }
}

/* Selects, on a server, the first of its own protocols that the client offers. */
static int alpn_select_cb(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                          const unsigned char *offered, unsigned size, void *argument)
{
    const struct context *context = argument;
    unsigned char *found;
    (void)ssl;
    if (SSL_select_next_proto(&found, length, context->alpn, context->alpn_size, offered, size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static int set_versions(struct context *context, const async_tls_options *options)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    if ((unsigned)options->min_version > ASYNC_TLS_VERSION_1_3)
        return async_fail(-EINVAL,
                          "TLS: options.min_version is %d, which is not an "
                          "async_tls_version",
                          (int)options->min_version);
    if (SSL_CTX_set_min_proto_version(context->ssl, versions[options->min_version]) != 1)
        return tlsp_fail_with("options.min_version");
    if (options->alpn == NULL)
        return 0;
    ASYNC_TRY(parse_alpn(context, options->alpn));
    if (context->serves)
        SSL_CTX_set_alpn_select_cb(context->ssl, alpn_select_cb, context);
    else if (SSL_CTX_set_alpn_protos(context->ssl, context->alpn, context->alpn_size) != 0)
        return tlsp_fail_with("options.alpn");
    return 0;
}

/* ---- sessions ------------------------------------------------------------------------------- */

/* Adds a resumable session to the cache. Returns 1 if it was taken. */
static int new_session_cb(SSL *ssl, SSL_SESSION *session)
{
    const struct connection *connection = SSL_get_app_data(ssl);
    return connection->name != NULL
               ? tlsp_sessions_add(connection->context->sessions, connection->name, session)
               : 0;
}

static int set_session_cache(struct context *context, const async_tls_options *options)
{
    static const unsigned char place[] =
        "asyncio"; /* sessions of other users of OpenSSL in the program are not resumed */
    SSL_CTX *ssl = context->ssl;
    if (options->no_resumption) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(ssl, 0) == 1 ? 0 : tlsp_fail_with("options.no_resumption");
    }
    if (context->serves) { /* the client stores its session, as a ticket */
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        return SSL_CTX_set_session_id_context(ssl, place, sizeof place - 1) == 1
                   ? 0
                   : tlsp_fail_with("sessions");
    }
    context->sessions = tlsp_sessions_new();
    if (context->sessions == NULL)
        return -ENOMEM;
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, new_session_cb);
    return 0;
}

/* ---- contexts ------------------------------------------------------------------------------- */

/* Appends a line of keys to the file in SSLKEYLOGFILE, for programs such as Wireshark. */
static void keylog_cb(const SSL *ssl, const char *line)
{
    const char *path = secure_getenv("SSLKEYLOGFILE");
    int file = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    (void)ssl;
    if (file < 0)
        return;
    async_ignore(dprintf(file, "%s\n", line));
    close(file);
}

static int configure(struct context *context, const async_tls_options *options)
{
    for (size_t i = 0; i < sizeof options->asyncp_reserved / sizeof(uint64_t); i++)
        if (options->asyncp_reserved[i] != 0)
            return async_fail(-EINVAL, "TLS: the options have fields that this library does not "
                                       "know; initialize the struct with {0}");
    SSL_CTX *ssl = context->ssl = SSL_CTX_new(context->serves ? TLS_server_method()
                                                              : TLS_client_method());
    if (ssl == NULL)
        return tlsp_fail_with("a context");
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_read_ahead(ssl, 1); /* one system call for a record instead of two */
    if (secure_getenv("SSLKEYLOGFILE") != NULL)
        SSL_CTX_set_keylog_callback(ssl, keylog_cb);
    ASYNC_TRY(load_certificate(context, options));
    ASYNC_TRY(set_verify(context, options));
    ASYNC_TRY(set_versions(context, options));
    return set_session_cache(context, options);
}

static int new_context(async_tls **tls, const async_tls_options *options, bool serves)
{
    static const async_tls_options defaults;
    if (tls == NULL)
        return async_fail(-EINVAL, "async_tls_client_new: the place for the TLS settings is NULL");
    *tls = NULL;
    ERR_clear_error();
    struct context *context = OPENSSL_zalloc(sizeof *context);
    if (context == NULL)
        return -ENOMEM;
    context->tls.start = tlsp_start;
    context->tls.stack_size = MIN_STACK_BYTES;
    context->references = 1;
    context->tls.handshake_timeout = options != NULL ? options->handshake_timeout : 0;
    context->serves = serves;
    int result = configure(context, options != NULL ? options : &defaults);
    ERR_clear_error();
    if (result < 0)
        tlsp_context_release(context);
    else
        *tls = &context->tls;
    return result;
}

int async_tls_client_new(async_tls **tls, const async_tls_options *options)
{
    return new_context(tls, options, false);
}

int async_tls_server_new(async_tls **tls, const async_tls_options *options)
{
    return new_context(tls, options, true);
}

void tlsp_context_release(struct context *context)
{
    if (atomic_fetch_sub(&context->references, 1) > 1)
        return;
    SSL_CTX_free(context->ssl);
    tlsp_sessions_free(context->sessions);
    OPENSSL_free(context->alpn);
    OPENSSL_free(context);
}

void async_tls_free(async_tls *tls)
{
    if (tls != NULL)
        tlsp_context_release((struct context *)tls);
}

struct ssl_ctx_st *async_tls_ssl_context(async_tls *tls)
{
    return tls != NULL ? ((struct context *)tls)->ssl : NULL;
}
