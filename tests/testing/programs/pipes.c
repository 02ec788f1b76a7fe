/* pipes.c: what async_test_pipe promises, a test for each rule. All pass, in every order. */
#include <asyncio/test.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double real_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

enum { MANY_BYTES = 20000 };

static int write_many(async_stream *stream)
{
    for (int i = 0; i < MANY_BYTES; i++) {
        char byte = (char)(i % 251);
        ASYNC_TRY(async_stream_write(stream, &byte, 1));
        ASYNC_TRY(async_stream_drain(stream));
    }
    return async_stream_write_eof(stream);
}
async_fn(write_many, async_stream *);

/* Reads to the end, and checks each byte. Returns their number, or the error. */
static int read_many(async_stream *stream)
{
    char buffer[64];
    int count = 0, size;
    while ((size = async_stream_read(stream, buffer, sizeof buffer)) > 0)
        for (int i = 0; i < size; i++, count++)
            ASYNC_CHECK_EQ(buffer[i], (char)(count % 251));
    return size < 0 ? size : count;
}
async_fn(read_many, async_stream *);

/* Returns what the reader returned. */
static int pass_many(const async_test_pipe_options *options, int *written)
{
    async_auto_stream *a = NULL, *b = NULL;
    ASYNC_TRY(async_test_pipe(&a, &b, options));
    async_task *writer = async_create_task(write_many, a);
    async_task *reader = async_create_task(read_many, b);
    int count = async_await(reader);
    *written = async_await(writer);
    return count;
}

ASYNC_TEST(pipe_passes_all_bytes)
{
    static const async_test_link links[] = {
        {0},
        {.max_chunk = 1},
        {.max_chunk = 7, .delay = 0.001},
        {.capacity = 1},
        {.capacity = 10, .max_chunk = 3, .delay = 0.5},
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        async_test_pipe_options options = {.a_to_b = links[i], .seed = i};
        int written;
        ASYNC_CHECK_EQ(pass_many(&options, &written), MANY_BYTES);
        ASYNC_CHECK_EQ(written, 0);
    }
    return 0;
}

ASYNC_TEST(pipe_ends_after_some_bytes)
{
    async_test_pipe_options options = {.a_to_b = {.end_after = 1000}};
    int written;
    ASYNC_CHECK_EQ(pass_many(&options, &written), 1000);
    ASYNC_CHECK_EQ(written, 0);
    return 0;
}

ASYNC_TEST(pipe_is_reset_after_some_bytes)
{
    async_test_pipe_options options = {.a_to_b = {.reset_after = 1000}};
    int written;
    ASYNC_CHECK_EQ(pass_many(&options, &written), -ECONNRESET);
    ASYNC_CHECK_EQ(written, -ECONNRESET);
    return 0;
}

ASYNC_TEST(pipe_delays_bytes_and_the_end)
{
    async_test_pipe_options options = {.a_to_b = {.delay = 3}};
    async_auto_stream *a = NULL, *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    ASYNC_CHECK_EQ(async_stream_write(a, "x", 1), 0);
    ASYNC_CHECK_EQ(async_stream_drain(a), 0);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), 1);
    ASYNC_CHECK(async_time() == 3);
    ASYNC_CHECK_EQ(async_stream_write_eof(a), 0);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), 0);
    ASYNC_CHECK(async_time() == 6);
    return 0;
}

/* Bytes, end and reader are due at the same moment, and then run in any order. */
ASYNC_TEST_WITH(pipe_end_does_not_overtake_bytes, .seed = 1)
{
    enum { PAIRS = 50, SIZE = 5 };
    async_test_pipe_options options = {.a_to_b = {.delay = 1}};
    for (int i = 0; i < PAIRS; i++) {
        async_stream *a = NULL;
        async_auto_stream *b = NULL;
        char bytes[SIZE];
        ASYNC_TRY(async_test_pipe(&a, &b, &options));
        ASYNC_CHECK_EQ(async_stream_write(a, "hello", SIZE), 0);
        async_stream_close(a);
        ASYNC_TRY(async_sleep(1));
        ASYNC_CHECK_EQ(async_stream_readexactly(b, bytes, SIZE), SIZE);
        ASYNC_CHECK_EQ(memcmp(bytes, "hello", SIZE), 0);
        ASYNC_CHECK_EQ(async_stream_read(b, bytes, SIZE), 0);
    }
    return 0;
}

/* Virtual time passes at once while a task reads. */
ASYNC_TEST(pipe_reader_does_not_hold_time)
{
    async_auto_stream *a = NULL, *b = NULL;
    char byte;
    double before = real_time();
    ASYNC_TRY(async_test_pipe(&a, &b, NULL));
    ASYNC_CHECK_EQ(async_timeout(3600, async_stream_read(a, &byte, 1)), -ETIMEDOUT);
    ASYNC_CHECK(async_time() == 3600 && real_time() - before < 60);
    return 0;
}

static int write_block(async_stream *stream, size_t size)
{
    char *data = calloc(size, 1);
    int result = data != NULL ? async_stream_write(stream, data, size) : -ENOMEM;
    free(data);
    async_stream_set_write_buffer_limits(stream, 1, 0);
    return result < 0 ? result : async_stream_drain(stream);
}
async_fn(write_block, async_stream *, size_t);

ASYNC_TEST(pipe_makes_the_writer_wait)
{
    enum { CAPACITY = 100, SIZE = 5000 };
    async_test_pipe_options options = {.a_to_b = {.capacity = CAPACITY}};
    async_auto_stream *a = NULL, *b = NULL;
    char buffer[SIZE];
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    async_task *writer = async_create_task(write_block, a, SIZE);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    ASYNC_CHECK(!async_task_done(writer));
    ASYNC_CHECK_EQ(async_stream_readexactly(b, buffer, SIZE), SIZE);
    return async_await(writer);
}

/* Bytes behind end_after are dropped: they need no room, whether the reader goes on or not. */
ASYNC_TEST(pipe_writer_does_not_wait_behind_the_end)
{
    enum { SIZE = 40 };
    async_test_pipe_options options = {.a_to_b = {.capacity = 16, .end_after = 10}};
    for (int reads_first = 0; reads_first < 2; reads_first++) {
        async_auto_stream *a = NULL, *b = NULL;
        char buffer[SIZE];
        ASYNC_TRY(async_test_pipe(&a, &b, &options));
        async_task *writer = async_create_task(write_block, a, SIZE);
        if (reads_first)
            ASYNC_CHECK_EQ(async_stream_readexactly(b, buffer, 10), 10);
        ASYNC_CHECK_EQ(async_await(writer), 0);
        ASYNC_CHECK_EQ(write_block(a, SIZE), 0);
        if (!reads_first)
            ASYNC_CHECK_EQ(async_stream_readexactly(b, buffer, 10), 10);
        ASYNC_CHECK_EQ(async_stream_read(b, buffer, SIZE), 0);
    }
    return 0;
}

ASYNC_TEST(pipe_close_is_the_end)
{
    async_stream *a = NULL, *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, NULL));
    ASYNC_CHECK_EQ(async_stream_write(a, "x", 1), 0);
    ASYNC_CHECK_EQ(async_stream_wait_closed(a), 0);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), 1);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), 0);
    ASYNC_CHECK_EQ(async_stream_write(b, "y", 1), 0);
    ASYNC_CHECK_EQ(async_sleep(0), 0);
    ASYNC_CHECK_EQ(async_stream_write(b, "y", 1), -EPIPE);
    async_stream_close(b);
    return 0;
}

static int end_and_close(double delay)
{
    async_test_pipe_options options = {.a_to_b = {.delay = delay}};
    async_stream *a = NULL;
    async_auto_stream *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    int result = async_stream_write_eof(a);
    async_stream_close(a);
    ASYNC_TRY(result == -ENOMEM ? 0 : result);
    result = async_stream_read(b, &byte, 1); /* a deadlock if it learns nothing */
    ASYNC_CHECK(result == 0 || result == -ECONNRESET || result == -ENOMEM);
    return result == -ECONNRESET ? 0 : result;
}
async_fn(end_and_close, double);

ASYNC_TEST(pipe_end_that_failed_is_followed_by_another_or_a_reset)
{
    ASYNC_CHECK(async_test_fail_allocations(NULL, end_and_close, 1) > 0);
    ASYNC_CHECK(async_test_fail_allocations(NULL, end_and_close, 0) > 0);
    return 0;
}

ASYNC_TEST(pipe_close_with_unread_bytes_resets)
{
    async_stream *a = NULL, *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, NULL));
    ASYNC_CHECK_EQ(async_stream_write(a, "x", 1), 0);
    ASYNC_CHECK_EQ(async_sleep(0), 0);
    async_stream_close(b);
    ASYNC_CHECK_EQ(async_stream_read(a, &byte, 1), -ECONNRESET);
    async_stream_close(a);
    return 0;
}

ASYNC_TEST(pipe_abort_that_drops_output_resets)
{
    async_test_pipe_options options = {.a_to_b = {.capacity = 1}};
    async_stream *a = NULL, *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    ASYNC_CHECK_EQ(async_stream_write(a, "xy", 2), 0);
    ASYNC_CHECK_EQ(async_sleep(0), 0);
    async_stream_abort(a);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), 1);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), -ECONNRESET);
    async_stream_close(a);
    async_stream_close(b);
    return 0;
}

ASYNC_TEST_WITH(pipe_may_be_left_to_the_end_of_the_loop, .leaves_tasks = true)
{
    async_test_pipe_options options = {.a_to_b = {.delay = 100}};
    async_stream *a = NULL, *b = NULL;
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    return async_stream_write(a, "x", 1);
}

/* A child that closes its copies has no effect on the parent. */
ASYNC_TEST(pipe_may_be_closed_in_a_child_of_fork)
{
    async_test_pipe_options options = {.a_to_b = {.delay = 1}};
    async_auto_stream *a = NULL, *b = NULL;
    char byte;
    int status;
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    ASYNC_CHECK_EQ(async_stream_write(a, "x", 1), 0);
    pid_t child = fork();
    if (child == 0) {
        async_stream_close(a);
        async_stream_close(b);
        _exit(5);
    }
    ASYNC_CHECK_EQ(waitpid(child, &status, 0), child);
    ASYNC_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    ASYNC_CHECK_EQ(async_stream_read(b, &byte, 1), 1);
    ASYNC_CHECK_EQ(byte, 'x');
    return 0;
}

ASYNC_TEST(pipe_refuses_wrong_options)
{
    async_test_pipe_options options = {.a_to_b = {.delay = -1}};
    async_stream *a, *b;
    ASYNC_CHECK_EQ(async_test_pipe(&a, &b, &options), -EINVAL);
    ASYNC_CHECK(a == NULL && b == NULL);
    ASYNC_CHECK_EQ(async_test_pipe(&a, NULL, NULL), -EINVAL);
    return 0;
}

/* The same seed divides the bytes in the same way. */
static int chunk_sizes(uint64_t seed, char *sizes, size_t count)
{
    async_test_pipe_options options = {.a_to_b = {.max_chunk = 9}, .seed = seed};
    async_auto_stream *a = NULL, *b = NULL;
    char buffer[1024];
    ASYNC_TRY(async_test_pipe(&a, &b, &options));
    memset(buffer, 'x', sizeof buffer);
    ASYNC_TRY(async_stream_write(a, buffer, sizeof buffer));
    for (size_t i = 0; i < count; i++) {
        int size = async_stream_read(b, buffer, sizeof buffer);
        ASYNC_CHECK(size >= 1);
        sizes[i] = (char)size;
    }
    return async_stream_readexactly(b, buffer, 1) < 0 ? -EIO : 0;
}

ASYNC_TEST(pipe_chunks_follow_the_seed)
{
    char first[20], second[20], other[20];
    ASYNC_CHECK_EQ(chunk_sizes(5, first, sizeof first), 0);
    ASYNC_CHECK_EQ(chunk_sizes(5, second, sizeof second), 0);
    ASYNC_CHECK_EQ(chunk_sizes(6, other, sizeof other), 0);
    ASYNC_CHECK_EQ(memcmp(first, second, sizeof first), 0);
    ASYNC_CHECK(memcmp(first, other, sizeof first) != 0);
    return 0;
}

ASYNC_TEST_MAIN
