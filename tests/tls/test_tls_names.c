/*
 * test_tls_names.c: which names a client requests and accepts, and that the texts of a peer's
 * certificate are shown without control codes for a terminal.
 */
#include "raw.h"

#include <stdio.h>
#include <string.h>

static const async_tls_options none;

/* ---- what a certificate says ---------------------------------------------------------------- */

LOOP_TEST(tls_names_of_a_certificate_are_shown_printable)
{
    CHECK_STR(attempt(CERTIFICATE(escapes), none, "localhost"),
              "-EKEYREJECTED: TLS: the certificate is for \\x1B[2J\\x0A\\x00\\xFFA.b, and not for "
              "localhost");
    CHECK_STR(
        attempt(CERTIFICATE(subject), none, "localhost"),
        "-EKEYREJECTED: TLS: the certificate is for CN=a\\1B[31m\\0A\\xC2\\x9B\\xE2\\x80\\xAEb, "
        "and not for localhost");
    return 0;
}

LOOP_TEST(tls_odd_names_of_a_certificate_are_described)
{
    CHECK_STR(
        attempt(CERTIFICATE(short_address), none, "localhost"),
        "-EKEYREJECTED: TLS: the certificate is for an address of 1 bytes, and not for localhost");
    CHECK_STR(attempt(CERTIFICATE(empty), none, "127.0.0.1"),
              "-EKEYREJECTED: TLS: the certificate is for an empty name, an address of 5 bytes, "
              "and not for 127.0.0.1");
    CHECK_STR(
        attempt(CERTIFICATE(many), none, "localhost"),
        "-EKEYREJECTED: TLS: the certificate is for a-name-of-a-host-in-the-zone-of-an.example, "
        "a-second-name-of-a-host-in-the-zone-of-an.example, \u2026, and not for localhost");
    return 0;
}

static int tell_peer(async_stream *stream, void *argument)
{
    char *text = argument;
    return async_tls_peer_subject(stream, text, 128);
}

LOOP_TEST(tls_subject_of_a_peer_is_printable)
{
    async_auto_tls *ours = new_server_context(
        &(async_tls_options){.ca = CERTIFICATE(authority), .verify = ASYNC_TLS_VERIFY_REQUIRED});
    async_auto_tls *theirs = new_client_context(
        &(async_tls_options){.certificate = CERTIFICATE(subject)});
    char subject[128], byte;
    async_auto_wait_server *server = new_secure_server(ours, tell_peer, subject);
    async_auto_stream *stream = NULL;
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_EQ(async_stream_read(stream, &byte, 1), 0);
    CHECK_STR(subject, "CN=a\\1B[31m\\0A\\xC2\\x9B\\xE2\\x80\\xAEb");
    return 0;
}

/* ---- what a client asks for ----------------------------------------------------------------- */

LOOP_TEST(tls_wildcard_is_for_one_whole_label)
{
    CHECK_STR(attempt(CERTIFICATE(wildcard), none, "www.example.com"), "");
    CHECK_STR(attempt(CERTIFICATE(wildcard), none, "example.com"),
              "-EKEYREJECTED: TLS: the certificate is for *.example.com, and not for example.com");
    CHECK_STR(
        attempt(CERTIFICATE(wildcard), none, "a.b.example.com"),
        "-EKEYREJECTED: TLS: the certificate is for *.example.com, and not for a.b.example.com");
    CHECK_STR(
        attempt(CERTIFICATE(partial), none, "foo.example.com"),
        "-EKEYREJECTED: TLS: the certificate is for f*.example.com, and not for foo.example.com");
    return 0;
}

#define IS_NO_NAME(name)                                                                           \
    CHECK(strstr(attempt(CERTIFICATE(wildcard), none, name), "not a valid server name") != NULL)

/* As in CPython, except that it encodes the letters of other alphabets by itself. */
LOOP_TEST(tls_client_refuses_an_invalid_server_name)
{
    char label[80] = "", name[300] = "";
    memset(label, 'a', 64);
    strcat(label, ".com");
    for (int i = 0; i < 130; i++)
        strcat(name, "x.");
    IS_NO_NAME("");
    IS_NO_NAME(".");
    IS_NO_NAME(".com");
    IS_NO_NAME(".example.com");
    IS_NO_NAME("www..example.com");
    IS_NO_NAME("www.example.com..");
    IS_NO_NAME(label);
    IS_NO_NAME(name);
    IS_NO_NAME("www\n.example.com");
    IS_NO_NAME("gr\xc3\xbc\xc3\x9f.example.com");
    CHECK_STR(attempt(CERTIFICATE(wildcard), none, "fe80::1%eth0"),
              "-EINVAL: TLS: fe80::1%eth0 has a scope, which certificates do not have; set "
              "options.server_name to the address without it");
    return 0;
}

LOOP_TEST(tls_client_accepts_no_certificate_for_another_spelling)
{
    CHECK(strstr(attempt(NULL, none, "localhost."), "and not for localhost.") != NULL);
    CHECK(strstr(attempt(NULL, none, "[127.0.0.1]"), "and not for [127.0.0.1]") != NULL);
    CHECK(strstr(attempt(NULL, none, "127.1"), "and not for 127.1") != NULL);
    CHECK_STR(attempt(NULL, none, "LOCALHOST"), "");
    return 0;
}

static int tell_server_name(async_stream *stream, void *argument)
{
    const char *name = async_tls_server_name(stream);
    snprintf(argument, 64, "%s", name != NULL ? name : "none");
    return 0;
}

/* The name that a client which expects this name requests from the server. */
static void ask_for(const char *name, char seen[64])
{
    async_auto_tls *ours = new_server_context(NULL);
    async_auto_tls *theirs = new_client_context(
        &(async_tls_options){.verify = ASYNC_TLS_VERIFY_NONE});
    async_auto_wait_server *server = new_secure_server(ours, tell_server_name, seen);
    async_auto_stream *stream = NULL;
    const async_connection_options options = {.tls = theirs, .server_name = name};
    char byte;
    CHECK_EQ(async_open_connection(&stream, "127.0.0.1", async_server_port(server), &options), 0);
    CHECK_EQ(async_stream_read(stream, &byte, 1), 0);
}

LOOP_TEST(tls_client_asks_for_names_and_not_for_addresses)
{
    char seen[64];
    ask_for("www.example.com", seen);
    CHECK_STR(seen, "www.example.com");
    ask_for("127.0.0.1", seen);
    CHECK_STR(seen, "none");
    ask_for("::1", seen);
    CHECK_STR(seen, "none");
    ask_for("fe80::1%eth0", seen);
    CHECK_STR(seen, "none");
    return 0;
}

/* ---- what a server is asked for ------------------------------------------------------------- */

LOOP_TEST(tls_server_sees_the_name_asked_for_as_printable_text)
{
    async_auto_tls *ours = new_server_context(NULL);
    char seen[64], byte;
    async_auto_wait_server *server = new_secure_server(ours, tell_server_name, seen);
    struct raw raw = raw_new(new_client(server), NULL, TLS1_3_VERSION);
    CHECK_EQ(SSL_set_tlsext_host_name(raw.ssl, "\x1b[2J\n\xff.example"), 1);
    CHECK_EQ(raw_shake_hands(raw), 0);
    CHECK_EQ(raw_read(raw, &byte, 1), 0);
    CHECK_STR(seen, "\\x1B[2J\\x0A\\xFF.example");
    raw_free(raw);
    return 0;
}

static int choose_oddly(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                        const unsigned char *offered, unsigned size, void *unused)
{
    (void)ssl, (void)offered, (void)size, (void)unused;
    *chosen = (const unsigned char *)"\x1b[2J";
    *length = 4;
    return SSL_TLSEXT_ERR_OK;
}

LOOP_TEST(tls_client_takes_no_protocol_that_it_did_not_offer)
{
    async_auto_tls *ours = new_server_context(NULL);
    async_auto_tls *theirs = new_client_context(&(async_tls_options){.alpn = "h2,http/1.1"});
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    SSL_CTX_set_alpn_select_cb(async_tls_ssl_context(ours), choose_oddly, NULL);
    CHECK_EQ(connect_to(&stream, server, theirs), -EPROTO);
    CHECK(stream == NULL);
    return 0;
}
