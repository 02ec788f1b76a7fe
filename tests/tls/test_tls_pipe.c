/*
 * test_tls_pipe.c: TLS over streams in memory, which divide, delay and cut its records at any byte;
 * and a conversation that is cancelled at each stop, and in which each allocation or each system
 * call fails.
 */
#include "secure.h"

#include <asyncio/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char greeting[] = "hello through TLS\n";

static int answer_line(async_stream *stream, async_tls *tls)
{
    char line[64];
    ASYNC_TRY(async_start_tls(stream, tls, NULL));
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    ASYNC_TRY(async_stream_write(stream, line, strlen(line)));
    return async_stream_drain(stream);
}
async_fn(answer_line, async_stream *, async_tls *);

static int ask_line(async_stream *stream, async_tls *tls)
{
    char line[64];
    ASYNC_TRY(async_start_tls(stream, tls, "localhost"));
    ASYNC_TRY(async_stream_write(stream, greeting, strlen(greeting)));
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    ASYNC_CHECK_STR(line, greeting);
    return 0;
}
async_fn(ask_line, async_stream *, async_tls *);

/* Made before the loop: they take no memory of it. */
static async_tls *server_context, *client_context;

static int converse(const async_test_pipe_options *options)
{
    async_auto_stream *a = NULL, *b = NULL;
    ASYNC_TRY(async_test_pipe(&a, &b, options));
    async_task *client = async_create_task(ask_line, a, client_context);
    async_task *server = async_create_task(answer_line, b, server_context);
    return async_gather(client, server);
}
async_fn(converse, const async_test_pipe_options *);

/* The sizes of the keys' signatures differ from run to run, so the cut is at another byte each. */
static int cut_after(size_t count)
{
    async_test_pipe_options options = {.a_to_b = {.reset_after = count},
                                       .b_to_a = {.end_after = count}};
    int result = converse(&options);
    ASYNC_CHECK(result <= 0);
    return result == 0 ? 0 : 1;
}
async_fn(cut_after, size_t);

static void make_contexts(void)
{
    const async_tls_options none = {.no_resumption = true};
    server_context = new_server_context(&none);
    client_context = new_client_context(&none);
}

static void free_contexts(void)
{
    async_tls_free(server_context);
    async_tls_free(client_context);
}

TEST(tls_pipe_byte_by_byte)
{
    async_test_pipe_options bytes = {.a_to_b = {.max_chunk = 1}, .b_to_a = {.max_chunk = 1}};
    make_contexts();
    CHECK_EQ(async_test_run(NULL, converse, &bytes), 0);
    free_contexts();
}

TEST(tls_pipe_in_random_chunks_with_delays)
{
    make_contexts();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        async_test_pipe_options options = {
            .a_to_b = {.max_chunk = 700, .capacity = 100 * seed, .delay = 0.01},
            .b_to_a = {.max_chunk = 90, .delay = 1},
            .seed = seed,
        };
        CHECK_EQ(async_test_run(NULL, converse, &options), 0);
    }
    free_contexts();
}

TEST(tls_pipe_cut_at_many_bytes)
{
    int failed = 0;
    make_contexts();
    for (size_t count = 1; count < 1500; count += 11) {
        int result = async_test_run(NULL, cut_after, count);
        CHECK(result >= 0);
        failed += result;
    }
    CHECK(failed > 20);
    free_contexts();
}

TEST(tls_pipe_cancelled_at_each_stop)
{
    make_contexts();
    int stops = async_test_cancel_everywhere(NULL, converse, NULL);
    CHECK(stops > 3);
    free_contexts();
}

TEST(tls_pipe_without_memory)
{
    make_contexts();
    CHECK(async_test_fail_allocations(NULL, converse, NULL) > 5);
    free_contexts();
}

static int serve_line(async_stream *stream, void *tls)
{
    return answer_line(stream, tls);
}

/* The same over sockets, so that there are system calls. */
static int converse_at_a_path(void)
{
    async_auto_wait_server *server = NULL;
    async_auto_stream *stream = NULL;
    char path[32];
    snprintf(path, sizeof path, "@asyncio-tls-%d", (int)getpid());
    ASYNC_TRY(async_start_unix_server(&server, serve_line, server_context, path, NULL));
    ASYNC_TRY(async_open_unix_connection(&stream, path, NULL));
    return async_timeout(0.5, ask_line(stream, client_context));
}
async_fn(converse_at_a_path);

TEST(tls_conversation_survives_each_failed_system_call)
{
    make_contexts();
    int calls = async_test_fail_system_calls(NULL, converse_at_a_path);
    free_contexts();
    if (calls == -EOPNOTSUPP)
        test_skip("system calls cannot be made to fail here");
    CHECK(calls > 15);
}
