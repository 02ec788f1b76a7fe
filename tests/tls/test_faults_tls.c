/*
 * test_faults_tls.c: a program for tests/scripts/faults.py (see test_faults.c) with secure streams:
 * bytes come back, or both sides get an error; no descriptor and no byte is left.
 */
#include "secure.h"
#include "faults/fault_streams.h"

#include <string.h>

/* A handshake or an answer may be missed for ever. */
static const double LONG_ENOUGH = 0.5;

static int exchange(async_stream *stream)
{
    static char sent[40000];
    static char got[sizeof sent];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i ^ i >> 8);
    ASYNC_TRY(async_stream_write(stream, sent, sizeof sent));
    ASYNC_TRY(async_stream_readexactly(stream, got, sizeof got));
    CHECK(memcmp(sent, got, sizeof got) == 0);
    return 0;
}

static int converse(const async_server *server, async_tls *tls)
{
    async_auto_stream *stream = NULL;
    int result = connect_to(&stream, server, tls);
    CHECK((stream != NULL) == (result == 0));
    return result < 0 ? result : exchange(stream);
}

FAULTS_TEST(a_secure_server_serves_or_says_why_not)
{
    const async_tls_options identity = {.certificate = test_certificates()->server};
    const async_tls_options trusted = {.ca = test_certificates()->authority};
    async_auto_tls *ours = NULL, *theirs = NULL;
    async_auto_wait_server *server = NULL;
    if (answer(async_tls_server_new(&ours, &identity)) < 0 ||
        answer(async_tls_client_new(&theirs, &trusted)) < 0)
        return 0;
    const async_server_options options = {.tls = ours};
    if (answer(async_start_server(&server, serve_echo_until_freed, NULL, "127.0.0.1", 0,
                                  &options)) < 0)
        return 0;
    for (int i = 0; i < 2; i++) { /* the second resumes the session */
        int result = async_timeout(LONG_ENOUGH, converse(server, theirs));
        if (result != -ETIMEDOUT)
            answer(result);
    }
    return 0;
}
