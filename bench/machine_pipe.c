/*
 * bench/machine_pipe.c: `cat` of a file is read through a pipe in chunks of 64 KiB; lines are read
 * from standard input, a pipe.
 */
#define _GNU_SOURCE
#include "machine.h"

enum { LINES = 4000000 };

static int read_to_end(async_stream *stream)
{
    static char buffer[CHILD_CHUNK];
    double bytes = 0;
    int size;
    while ((size = async_stream_read(stream, buffer, sizeof buffer)) > 0)
        bytes += size;
    if (size == 0 && bytes != (double)CHILD_CHUNKS * CHILD_CHUNK)
        bench_die("chunk", "bytes are missing");
    return size;
}

static int reading_chunks(const char *name)
{
    const async_process_options options = {.out = ASYNC_PIPE};
    const char *file = child_file();
    struct child_times begun = child_now();
    async_auto_wait_process *cat = NULL;
    ASYNC_TRY(async_create_subprocess_exec(&cat, &options, "cat", file));
    ASYNC_TRY(read_to_end(async_process_stdout(cat)));
    ASYNC_TRY(async_process_wait(cat));
    child_say_times(name, begun, CHILD_CHUNKS);
    return 0;
}
async_fn(reading_chunks, const char *);

void measure_chunk(void)
{
    must(async_run(reading_chunks, "chunk"), "chunk");
}

void measure_chunk_1(void)
{
    must(async_run(reading_chunks, "chunk/1"), "chunk/1");
}

/* ---- lines ---------------------------------------------------------------------------------- */

static long copy_lines(async_stream *input)
{
    char line[256];
    long count = 0;
    int size;
    while ((size = async_stream_readline(input, line, sizeof line)) > 0)
        count++;
    must(size, "async_stream_readline");
    return count;
}

static long borrow_lines(async_stream *input)
{
    const char *line;
    long count = 0;
    int size;
    while ((size = async_stream_borrow_line(input, &line)) > 0)
        count++;
    must(size, "async_stream_borrow_line");
    return count;
}

typedef long count_lines(async_stream *input);

static int reading_lines(const char *name, count_lines *read)
{
    pid_t feeder = child_feed_lines(LINES);
    struct child_times begun = child_now();
    async_stream *input = async_stdin();
    if (input == NULL)
        bench_die("async_stdin", async_strerror(0));
    if (read(input) != LINES)
        bench_die(name, "lines are missing");
    child_say_lines(name, begun, LINES, feeder);
    return 0;
}
async_fn(reading_lines, const char *, count_lines *);

void measure_line(void)
{
    must(async_run(reading_lines, "line", copy_lines), "line");
}

void measure_line_borrowed(void)
{
    must(async_run(reading_lines, "line borrowed", borrow_lines), "line borrowed");
}
