/*
 * async_test_pipe.c: streams in memory that divide, delay and cut bytes
 *
 * Pages: async_test_pipe async_test_pipe_options async_test_link
 */
#include <asyncio/test.h>
#include <string.h>

ASYNC_TEST(line_comes_in_small_pieces)
{
    async_test_pipe_options slow = {.a_to_b = {.max_chunk = 2, .delay = 0.5},
                                    .seed = 1};
    async_auto_stream *a = NULL, *b = NULL;
    char line[16];
    ASYNC_TRY(async_test_pipe(&a, &b, &slow));
    ASYNC_TRY(async_stream_write(a, "hello\n", strlen("hello\n")));
    ASYNC_CHECK_EQ(async_stream_readline(b, line, sizeof line), 6);
    ASYNC_CHECK_STR(line, "hello\n");
    ASYNC_CHECK(async_time() == 0.5);
    return 0;
}

ASYNC_TEST(connection_is_reset_in_the_line)
{
    async_test_pipe_options cut = {.a_to_b = {.reset_after = 3}};
    async_auto_stream *a = NULL, *b = NULL;
    char line[16];
    ASYNC_TRY(async_test_pipe(&a, &b, &cut));
    ASYNC_TRY(async_stream_write(a, "hello\n", strlen("hello\n")));
    ASYNC_CHECK_EQ(async_stream_readline(b, line, sizeof line), -ECONNRESET);
    return 0;
}

ASYNC_TEST_MAIN

/* Prints:
 * TAP version 13
 * 1..2
 * ok 1 - line_comes_in_small_pieces
 * ok 2 - connection_is_reset_in_the_line
 */
