/*
 * test_tls_trust.c: which peers are trusted, and that both sides can read the reason.
 */
#include "secure.h"

#include <stdlib.h>
#include <string.h>

/* A server's view of its last client. */
struct seen {
    int result;       /* of the first read */
    char error[300];  /* in words */
    char subject[64]; /* of the client's certificate */
};

static int serve_and_see(async_stream *stream, void *argument)
{
    struct seen *seen = argument;
    char byte;
    int length = async_tls_peer_subject(stream, seen->subject, sizeof seen->subject);
    if (length < 0)
        seen->subject[0] = 0;
    seen->result = async_stream_read(stream, &byte, 1);
    if (seen->result > 0)
        async_stream_write(stream, &byte, 1);
    return 0;
}

LOOP_TEST(tls_trusts_certificates_of_its_authority)
{
    CHECK_STR(attempt(NULL, (async_tls_options){0}, "localhost"), "");
    CHECK_STR(attempt(NULL, (async_tls_options){0}, NULL), ""); /* 127.0.0.1 is in it, too */
    CHECK_STR(attempt(CERTIFICATE(unknown), (async_tls_options){.ca = CERTIFICATE(stranger)},
                      "localhost"),
              "");
    return 0;
}

LOOP_TEST(tls_refuses_a_certificate_and_names_the_cause)
{
    const async_tls_options none = {0};
    CHECK_STR(attempt(CERTIFICATE(expired), none, "localhost"),
              "-EKEYREJECTED: TLS: the certificate of CN=localhost is not trusted: certificate has "
              "expired");
    CHECK_STR(attempt(CERTIFICATE(myself), none, "localhost"),
              "-EKEYREJECTED: TLS: the certificate of CN=localhost is not trusted: self-signed "
              "certificate");
    CHECK_STR(attempt(CERTIFICATE(unknown), none, "localhost"),
              "-EKEYREJECTED: TLS: the certificate of CN=localhost is not trusted: "
              "unable to get local issuer certificate");
    CHECK_STR(
        attempt(CERTIFICATE(elsewhere), none, "localhost"),
        "-EKEYREJECTED: TLS: the certificate is for elsewhere.example, and not for localhost");
    CHECK_STR(
        attempt(NULL, none, "127.0.0.2"),
        "-EKEYREJECTED: TLS: the certificate is for localhost, 127.0.0.1, and not for 127.0.0.2");
    return 0;
}

LOOP_TEST(tls_trusts_any_certificate_only_without_verification)
{
    const async_tls_options anybody = {.verify = ASYNC_TLS_VERIFY_NONE};
    CHECK_STR(attempt(CERTIFICATE(myself), anybody, "localhost"), "");
    CHECK_STR(attempt(CERTIFICATE(expired), anybody, "elsewhere"), "");
    return 0;
}

LOOP_TEST(tls_client_needs_a_name_to_verify)
{
    async_auto_tls *theirs = new_client_context(NULL);
    struct pair pair = new_pair();
    CHECK_EQ(async_start_tls(pair.here, theirs, NULL), -EINVAL);
    CHECK_STR(async_strerror(-EINVAL),
              "-EINVAL: TLS: there is no server name to verify; set options.server_name");
    close_pair(pair);
    return 0;
}

/* ---- clients that prove who they are -------------------------------------------------------- */

/*
 * A client with that certificate at a server which requests one: the result of the client's read.
 */
static const char *introduce(async_tls_verify verify, const char *certificate, struct seen *seen)
{
    async_auto_tls *ours = new_server_context(
        &(async_tls_options){.ca = CERTIFICATE(authority), .verify = verify});
    async_auto_tls *theirs = new_client_context(&(async_tls_options){.certificate = certificate});
    async_auto_wait_server *server = new_secure_server(ours, serve_and_see, seen);
    async_auto_stream *stream = NULL;
    char byte;
    *seen = (struct seen){0};
    int result = connect_to(&stream, server, theirs);
    if (result == 0)
        result = async_stream_write(stream, "x", 1);
    if (result == 0)
        result = async_stream_readexactly(stream, &byte, 1);
    return result < 0 ? async_strerror(result) : "";
}

LOOP_TEST(tls_server_can_verify_its_clients)
{
    struct seen seen;
    CHECK_STR(introduce(ASYNC_TLS_VERIFY_REQUIRED, CERTIFICATE(client), &seen), "");
    CHECK_STR(seen.subject, "CN=a client");
    CHECK_STR(introduce(ASYNC_TLS_VERIFY_OPTIONAL, CERTIFICATE(client), &seen), "");
    CHECK_STR(seen.subject, "CN=a client");
    CHECK_STR(introduce(ASYNC_TLS_VERIFY_OPTIONAL, NULL, &seen), "");
    CHECK_STR(seen.subject, "");
    return 0;
}

LOOP_TEST(tls_client_that_is_refused_gets_the_cause)
{
    struct seen seen;
    CHECK_STR(introduce(ASYNC_TLS_VERIFY_REQUIRED, NULL, &seen),
              "-EACCES: TLS: the peer rejected the certificate of this side: certificate required");
    CHECK_STR(introduce(ASYNC_TLS_VERIFY_REQUIRED, CERTIFICATE(unknown), &seen),
              "-EACCES: TLS: the peer rejected the certificate of this side: unknown CA");
    CHECK_STR(introduce(ASYNC_TLS_VERIFY_OPTIONAL, CERTIFICATE(unknown), &seen),
              "-EACCES: TLS: the peer rejected the certificate of this side: unknown CA");
    CHECK_EQ(seen.result, 0); /* it was never served */
    return 0;
}

/* ---- two that cannot agree ------------------------------------------------------------------ */

static const char *negotiate(async_tls_options ours_options, async_tls_options theirs_options,
                             int theirs_most)
{
    struct seen seen = {0};
    async_auto_tls *ours = new_server_context(&ours_options),
                   *theirs = new_client_context(&theirs_options);
    async_auto_wait_server *server = new_secure_server(ours, serve_and_see, &seen);
    async_auto_stream *stream = NULL;
    if (theirs_most != 0)
        SSL_CTX_set_max_proto_version(async_tls_ssl_context(theirs), theirs_most);
    int result = connect_to(&stream, server, theirs);
    return result < 0 ? async_strerror(result) : "";
}

LOOP_TEST(tls_without_a_common_parameter_names_it)
{
    CHECK_STR(negotiate((async_tls_options){.min_version = ASYNC_TLS_VERSION_1_3},
                        (async_tls_options){0}, TLS1_2_VERSION),
              "-EPROTO: TLS: the peer sent an alert: protocol version");
    CHECK_STR(
        negotiate((async_tls_options){.alpn = "h2"}, (async_tls_options){.alpn = "http/1.1"}, 0),
        "-EPROTO: TLS: the peer sent an alert: no application protocol");
    CHECK_STR(negotiate((async_tls_options){.alpn = "h2"}, (async_tls_options){0}, 0), "");
    CHECK_STR(negotiate((async_tls_options){0}, (async_tls_options){.alpn = "http/1.1"}, 0), "");
    return 0;
}

static int greet_plainly(async_stream *stream, void *unused)
{
    (void)unused;
    return async_stream_printf(stream, "220 mail.example ready\r\n") > 0 ? async_sleep(1) : 0;
}

LOOP_TEST(tls_with_a_peer_that_does_not_speak_tls_is_an_error)
{
    async_auto_tls *theirs = new_client_context(NULL);
    async_auto_wait_server *echo = new_server(serve_echo, NULL); /* gives the ClientHello back */
    async_auto_wait_server *mail = new_server(greet_plainly, NULL);
    async_auto_stream *stream = NULL;
    CHECK_EQ(connect_to(&stream, echo, theirs), -EPROTO);
    CHECK(stream == NULL);
    CHECK_EQ(connect_to(&stream, mail, theirs), -EPROTO);
    CHECK_STR(async_strerror(-EPROTO), "-EPROTO: TLS: the peer does not use TLS");
    return 0;
}
