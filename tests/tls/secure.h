/*
 * secure.h: shared by tests of TLS: contexts with the test's certificates, a server, a connection.
 */
#ifndef TEST_SECURE_H
#define TEST_SECURE_H

#include "certificates.h"
#include "run/streams.h"

#include <asyncio/tls.h>
#include <openssl/ssl.h>

/* A server's, with its certificate unless the options have another. */
ASYNC_UNUSED static async_tls *new_server_context(const async_tls_options *options)
{
    async_tls_options own = options != NULL ? *options : (async_tls_options){0};
    async_tls *tls;
    if (own.certificate == NULL)
        own.certificate = test_certificates()->server;
    CHECK_EQ(async_tls_server_new(&tls, &own), 0);
    return tls;
}

/* A client's that trusts the test's authority, unless the options have another. */
ASYNC_UNUSED static async_tls *new_client_context(const async_tls_options *options)
{
    async_tls_options own = options != NULL ? *options : (async_tls_options){0};
    async_tls *tls;
    if (own.ca == NULL)
        own.ca = test_certificates()->authority;
    CHECK_EQ(async_tls_client_new(&tls, &own), 0);
    return tls;
}

ASYNC_UNUSED static async_server *new_secure_server(async_tls *tls, async_serve *serve,
                                                    void *argument)
{
    const async_server_options options = {.tls = tls};
    async_server *server;
    CHECK_EQ(async_start_server(&server, serve, argument, "127.0.0.1", 0, &options), 0);
    return server;
}

/* Asks for "localhost", whatever the address. */
ASYNC_UNUSED static int connect_to(async_stream **stream, const async_server *server,
                                   async_tls *tls)
{
    const async_connection_options options = {.tls = tls, .server_name = "localhost"};
    return async_open_connection(stream, "127.0.0.1", async_server_port(server), &options);
}

#define CERTIFICATE(file) (test_certificates()->file)

/*
 * A client that expects that name connects to a server with that certificate: the result as text.
 */
ASYNC_UNUSED static const char *attempt(const char *certificate, async_tls_options options,
                                        const char *name)
{
    async_auto_tls *ours = new_server_context(&(async_tls_options){.certificate = certificate});
    async_auto_tls *theirs = new_client_context(&options);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    const async_connection_options connection = {.tls = theirs, .server_name = name};
    int result = async_open_connection(&stream, "127.0.0.1", async_server_port(server),
                                       &connection);
    return result < 0 ? async_strerror(result) : "";
}

/* The handshake of a client that knows its server as localhost. */
ASYNC_UNUSED static int handshake_with_localhost(async_stream *stream, async_tls *tls)
{
    return async_start_tls(stream, tls, "localhost");
}
async_fn(handshake_with_localhost, async_stream *, async_tls *);

#endif
