/*
 * ext/tls/src/info.c: the calls for the negotiated properties of a stream.
 */
#include "tls.h"

static const struct connection *connection_of(const async_stream *stream)
{
    const struct connection *connection = async_stream_layer_state(stream, &tlsp_layer);
    return connection != NULL && connection->handshake_done ? connection : NULL;
}

const char *async_tls_protocol(const async_stream *stream)
{
    const struct connection *connection = connection_of(stream);
    return connection != NULL ? SSL_get_version(connection->ssl) : NULL;
}

const char *async_tls_cipher(const async_stream *stream)
{
    const struct connection *connection = connection_of(stream);
    return connection != NULL ? SSL_get_cipher_name(connection->ssl) : NULL;
}

const char *async_tls_alpn(const async_stream *stream)
{
    const struct connection *connection = connection_of(stream);
    return connection != NULL ? connection->alpn : NULL;
}

const char *async_tls_server_name(const async_stream *stream)
{
    const struct connection *connection = connection_of(stream);
    if (connection == NULL || connection->server_name != NULL)
        return connection != NULL ? connection->server_name : NULL;
    return SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name);
}

bool async_tls_resumed(const async_stream *stream)
{
    const struct connection *connection = connection_of(stream);
    return connection != NULL && SSL_session_reused(connection->ssl) == 1;
}

int async_tls_peer_subject(const async_stream *stream, char *text, size_t size)
{
    const struct connection *connection = connection_of(stream);
    if (text == NULL && size > 0)
        return async_fail(-EINVAL, "async_tls_peer_subject: text is NULL, but size is not 0");
    X509 *certificate = connection != NULL ? SSL_get1_peer_certificate(connection->ssl) : NULL;
    if (certificate == NULL)
        return -ENOENT;
    int length = tlsp_format_name(X509_get_subject_name(certificate), text, size);
    X509_free(certificate);
    return length;
}

struct ssl_st *async_tls_ssl(const async_stream *stream)
{
    const struct connection *connection = connection_of(stream);
    return connection != NULL ? connection->ssl : NULL;
}
