/*
 * test_tls.c: TLS between two ends of ours: reading and writing, the negotiated parameters, how it
 * ends.
 */
#include "secure.h"

#include <stdlib.h>
#include <string.h>

LOOP_TEST(tls_carries_lines_both_ways)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    char line[32];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK(async_stream_printf(stream, "hello %d\n", 1) > 0);
    CHECK_EQ(async_stream_readline(stream, line, sizeof line), 8);
    CHECK_STR(line, "hello 1\n");
    return 0;
}

LOOP_TEST(tls_reports_protocol_cipher_and_alpn)
{
    async_auto_tls *ours = new_server_context(&(async_tls_options){.alpn = "http/1.1,h2"});
    async_auto_tls *theirs = new_client_context(&(async_tls_options){.alpn = "h2,http/1.1"});
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL, *plain = NULL;
    char name[64];
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_STR(async_tls_protocol(stream), "TLSv1.3");
    CHECK(strncmp(async_tls_cipher(stream), "TLS_", 4) == 0);
    CHECK_STR(async_tls_alpn(stream), "http/1.1"); /* the server's best */
    CHECK_STR(async_tls_server_name(stream), "localhost");
    CHECK_EQ(async_tls_peer_subject(stream, name, sizeof name), 12);
    CHECK_STR(name, "CN=localhost");
    CHECK_EQ(async_tls_peer_subject(stream, name, 4), 12);
    CHECK_STR(name, "CN=");
    CHECK(async_tls_ssl(stream) != NULL);
    CHECK(!async_tls_resumed(stream));
    plain = new_client(server);
    CHECK(async_tls_protocol(plain) == NULL);
    CHECK_EQ(async_tls_peer_subject(plain, name, sizeof name), -ENOENT);
    return 0;
}

LOOP_TEST(tls_resumes_the_last_session_with_a_server)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    char byte;
    for (int i = 0; i < 3; i++) {
        async_auto_stream *stream = NULL;
        CHECK_EQ(connect_to(&stream, server, theirs), 0);
        CHECK_EQ(async_tls_resumed(stream), i > 0);
        CHECK_EQ(async_stream_write(stream, "x", 1), 0);
        CHECK_EQ(async_stream_read(stream, &byte, 1), 1); /* and the tickets that came before it */
    }
    return 0;
}

static int count_resumptions(const async_tls_options *client, const async_tls_options *ours_options)
{
    async_auto_tls *ours = new_server_context(ours_options), *theirs = new_client_context(client);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    int resumed = 0;
    char byte;
    for (int i = 0; i < 2; i++) {
        async_auto_stream *stream = NULL;
        CHECK_EQ(connect_to(&stream, server, theirs), 0);
        resumed += async_tls_resumed(stream);
        CHECK_EQ(async_stream_write(stream, "x", 1), 0);
        CHECK_EQ(async_stream_read(stream, &byte, 1), 1);
    }
    return resumed;
}

LOOP_TEST(tls_resumes_no_session_if_either_side_has_it_off)
{
    CHECK_EQ(count_resumptions(&(async_tls_options){.no_resumption = true}, NULL), 0);
    CHECK_EQ(count_resumptions(NULL, &(async_tls_options){.no_resumption = true}), 0);
    return 0;
}

/* Of more names than are kept, the one used last is there, and the one used first is not. */
LOOP_TEST(tls_keeps_sessions_of_the_names_used_last)
{
    async_auto_tls *ours = new_server_context(NULL);
    async_auto_tls *theirs = new_client_context(
        &(async_tls_options){.verify = ASYNC_TLS_VERIFY_NONE});
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    const int order[] = {0, 69, 0};
    char name[32], byte;
    int resumed[3] = {0};
    for (int round = 0; round < 73; round++) {
        async_auto_stream *stream = NULL;
        snprintf(name, sizeof name, "host%d", round < 70 ? round : order[round - 70]);
        if (round == 70)
            snprintf(name, sizeof name, "host69");
        const async_connection_options options = {.tls = theirs, .server_name = name};
        CHECK_EQ(async_open_connection(&stream, "127.0.0.1", async_server_port(server), &options),
                 0);
        if (round >= 70)
            resumed[round - 70] = async_tls_resumed(stream);
        CHECK_EQ(async_stream_write(stream, "x", 1), 0);
        CHECK_EQ(async_stream_read(stream, &byte, 1), 1);
    }
    CHECK_EQ(resumed[0], 1); /* host69 */
    CHECK_EQ(resumed[1], 1); /* host69 */
    CHECK_EQ(resumed[2], 0); /* host0 */
    return 0;
}

/* As STARTTLS is: the ClientHello may come with the line before it. */
static int serve_upgrade(async_stream *stream, void *argument)
{
    char line[32];
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    CHECK_STR(line, "STARTTLS\n");
    CHECK_EQ(async_start_tls(stream, argument, NULL), 0);
    return serve_echo(stream, NULL);
}

LOOP_TEST(tls_can_begin_on_a_stream_that_was_used_in_the_clear)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_server(serve_upgrade, ours);
    async_auto_stream *stream = new_client(server);
    char line[32];
    CHECK_EQ(async_stream_write(stream, "STARTTLS\n", 9), 0);
    CHECK_EQ(async_start_tls(stream, theirs, "localhost"), 0);
    CHECK_EQ(async_start_tls(stream, theirs, "localhost"), -EBUSY);
    CHECK_EQ(async_stream_write(stream, "secret\n", 7), 0);
    CHECK_EQ(async_stream_readline(stream, line, sizeof line), 7);
    CHECK_STR(line, "secret\n");
    return 0;
}

LOOP_TEST(tls_gives_the_ssl_object_of_openssl)
{
    async_auto_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    CHECK_EQ(SSL_CTX_set_max_proto_version(async_tls_ssl_context(theirs), TLS1_2_VERSION), 1);
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    CHECK_STR(SSL_get_version(async_tls_ssl(stream)), "TLSv1.2");
    return 0;
}

/* Its connections hold a reference. */
LOOP_TEST(tls_context_may_be_freed_before_its_connections)
{
    async_tls *ours = new_server_context(NULL), *theirs = new_client_context(NULL);
    async_auto_wait_server *server = new_secure_server(ours, serve_echo, NULL);
    async_auto_stream *stream = NULL;
    char byte;
    CHECK_EQ(connect_to(&stream, server, theirs), 0);
    async_tls_free(theirs);
    CHECK_EQ(async_stream_write(stream, "x", 1), 0);
    CHECK_EQ(async_stream_read(stream, &byte, 1), 1);
    async_server_close(server);
    async_tls_free(ours);
    return 0;
}

/* ---- what cannot be a context --------------------------------------------------------------- */

static int try_server(async_tls_options options)
{
    async_tls *tls = (async_tls *)1;
    int result = async_tls_server_new(&tls, &options);
    CHECK(result < 0 && tls == NULL);
    return result;
}

LOOP_TEST(tls_context_names_the_mistake_in_its_files)
{
    const char *server = CERTIFICATE(server);
    CHECK_EQ(async_tls_client_new(NULL, NULL), -EINVAL);
    CHECK_EQ(try_server((async_tls_options){0}), -EINVAL);
    CHECK_STR(async_strerror(-EINVAL),
              "-EINVAL: TLS: options.certificate is NULL; it must be a PEM file");
    CHECK_EQ(try_server((async_tls_options){.certificate = "/nowhere.pem"}), -ENOENT);
    CHECK_STR(async_strerror(-ENOENT), "-ENOENT: TLS: /nowhere.pem: No such file or directory");
    CHECK_EQ(try_server((async_tls_options){.certificate = CERTIFICATE(authority)}),
             -EINVAL); /* without key */
    CHECK(strstr(async_strerror(-EINVAL), "does not have it in PEM format") != NULL);
    CHECK_EQ(try_server((async_tls_options){.certificate = "/dev/null"}), -EINVAL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .key = CERTIFICATE(key)}),
             -EINVAL);
    CHECK(strstr(async_strerror(-EINVAL), "key values mismatch") != NULL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .key = CERTIFICATE(encrypted)}),
             -EINVAL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .ca = "/nowhere"}), -ENOENT);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .ca = "/dev/null"}), -EINVAL);
    return 0;
}

LOOP_TEST(tls_context_names_the_mistake_in_its_options)
{
    const char *server = CERTIFICATE(server);
    char names[300];
    memset(names, 'x', sizeof names - 1);
    names[sizeof names - 1] = 0;
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .alpn = "h2,"}), -EINVAL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .alpn = ""}), -EINVAL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .alpn = names}), -EINVAL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .verify = (async_tls_verify)4}),
             -EINVAL);
    CHECK_EQ(try_server((async_tls_options){.certificate = server, .verify = (async_tls_verify)-1}),
             -EINVAL);
    CHECK_EQ(
        try_server((async_tls_options){.certificate = server, .min_version = (async_tls_version)3}),
        -EINVAL);
    async_tls_free(NULL);
    return 0;
}

LOOP_TEST(tls_start_needs_a_context)
{
    struct pair pair = new_pair();
    CHECK_EQ(async_start_tls(pair.here, NULL, NULL), -EINVAL);
    CHECK_EQ(async_start_tls(pair.here, &(async_tls){.start = NULL}, NULL), -EINVAL);
    close_pair(pair);
    return 0;
}
