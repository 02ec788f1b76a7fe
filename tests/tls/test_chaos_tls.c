/*
 * test_chaos_tls.c: random programs at both sides of connections that are secured at once or after
 * some bytes in the clear: see chaos.h.
 */
#include "net/chaos.h"
#include "secure.h"

static async_tls *ours, *theirs;

static int start_tls(async_stream *stream, bool serves)
{
    return async_start_tls(stream, serves ? ours : theirs, serves ? NULL : "localhost");
}

LOOP_TEST(chaos_by_tls_loses_nothing_and_reports_every_cut)
{
    ours = new_server_context(NULL);
    theirs = new_client_context(NULL);
    int result = chaos_play(&(struct chaos_kind){
        .is_tcp = true, .has_goodbye = true, .secure = start_tls, .fewest_rounds = 200});
    async_tls_free(ours);
    async_tls_free(theirs);
    return result;
}
