/*
 * raw.h: the other end of a connection, controlled by the test: OpenSSL in memory, and a stream in
 * the clear on which the test sends its records when, and in what pieces, it likes.
 */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include "secure.h"

#include <stdlib.h>

struct raw {
    SSL *ssl;             /* OpenSSL's part */
    async_stream *stream; /* to the other end */
};

/*
 * A client's part if the certificate is NULL, else a server's with that. version: TLS1_3_VERSION
 * and the like.
 */
ASYNC_UNUSED static struct raw raw_new(async_stream *stream, const char *certificate, int version)
{
    SSL_CTX *context = SSL_CTX_new(certificate != NULL ? TLS_server_method() : TLS_client_method());
    struct raw raw = {SSL_new(context), stream};
    if (certificate != NULL) {
        CHECK_EQ(SSL_use_certificate_file(raw.ssl, certificate, SSL_FILETYPE_PEM), 1);
        CHECK_EQ(SSL_use_PrivateKey_file(raw.ssl, certificate, SSL_FILETYPE_PEM), 1);
        SSL_set_accept_state(raw.ssl);
    } else {
        SSL_set_connect_state(raw.ssl);
    }
    SSL_set_max_proto_version(raw.ssl, version);
    SSL_set_bio(raw.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(raw.ssl), -1);
    SSL_CTX_free(context);
    return raw;
}

/* And its stream. */
ASYNC_UNUSED static void raw_free(struct raw raw)
{
    SSL_free(raw.ssl);
    async_stream_close(raw.stream);
}

/* Takes the bytes that OpenSSL has to send, in a block of malloc, and returns their number. */
ASYNC_UNUSED static size_t raw_take(struct raw raw, char **bytes)
{
    BIO *out = SSL_get_wbio(raw.ssl);
    size_t size = BIO_ctrl_pending(out);
    *bytes = malloc(size + 1);
    if (size > 0)
        CHECK_EQ(BIO_read(out, *bytes, (int)size), (int)size);
    return size;
}

ASYNC_UNUSED static int raw_send(struct raw raw)
{
    char *bytes;
    size_t size = raw_take(raw, &bytes);
    int result = async_stream_write(raw.stream, bytes, size);
    free(bytes);
    return result;
}

/* Waits for bytes and gives them to OpenSSL: how many; 0: there are no more. */
ASYNC_UNUSED static int raw_receive(struct raw raw)
{
    const char *bytes;
    int size = async_stream_borrow(raw.stream, &bytes);
    if (size > 0)
        CHECK_EQ(BIO_write(SSL_get_rbio(raw.ssl), bytes, size), size);
    return size;
}

/* Its last bytes, for example a server's tickets, are still to be sent. */
ASYNC_UNUSED static int raw_shake_hands(struct raw raw)
{
    while (SSL_do_handshake(raw.ssl) != 1) {
        ASYNC_TRY(raw_send(raw));
        int size = raw_receive(raw);
        if (size <= 0)
            return size < 0 ? size : -ECONNRESET;
    }
    return 0;
}

/* As SSL_read, and waits: the number of bytes; 0: close_notify; -1: an error of OpenSSL. */
ASYNC_UNUSED static int raw_read(struct raw raw, void *buffer, int size)
{
    for (;;) {
        int result = SSL_read(raw.ssl, buffer, size);
        if (result > 0)
            return result;
        int error = SSL_get_error(raw.ssl, result);
        if (error != SSL_ERROR_WANT_READ)
            return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
        ASYNC_TRY(raw_send(raw));
        result = raw_receive(raw);
        if (result <= 0)
            return result < 0 ? result : -1;
    }
}

#endif
