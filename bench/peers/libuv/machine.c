/*
 * machine.c: the measurements of bench-machine on libuv. uv_spawn holds the loop for as long as it
 * takes. libuv does not split lines; this program looks for the newlines in its own buffer and
 * copies only what is left of one at its end. The protocol is bench.h's.
 */
#define _GNU_SOURCE
#include <child.h>

#include <uv.h>

enum { LINES = 4000000 };

static char buffer[CHILD_CHUNK];
static uv_loop_t *loop;

static void end_process(uv_process_t *process, int64_t status, int signal)
{
    if (status != 0 || signal != 0)
        bench_die("uv_spawn", "the program has failed");
    uv_close((uv_handle_t *)process, NULL);
}

/* With a pipe to its standard output, if `output` is not NULL. */
static void start(uv_process_t *process, char **argv, uv_pipe_t *output)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = 0},
        {.flags = UV_INHERIT_FD, .data.fd = 1},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    if (output != NULL) {
        stdio[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
        stdio[1].data.stream = (uv_stream_t *)output;
    }
    const uv_process_options_t options = {
        .file = argv[0], .args = argv, .exit_cb = end_process, .stdio = stdio, .stdio_count = 3};
    int error = uv_spawn(loop, process, &options);
    if (error < 0)
        bench_die(argv[0], uv_strerror(error));
}

static void start_often(const char *program, int times)
{
    for (int i = 0; i < times; i++) {
        uv_process_t process;
        start(&process, (char *[]){(char *)program, NULL}, NULL);
        uv_run(loop, UV_RUN_DEFAULT);
    }
}

static void measure_start(const char *name, const char *program)
{
    loop = uv_default_loop();
    start_often(program, CHILD_STARTS_BEFORE);
    struct child_times begun = child_now();
    start_often(program, CHILD_STARTS);
    child_say_times(name, begun, CHILD_STARTS);
}

static void measure_held(const char *name, const char *program)
{
    static struct child_watch watch;
    loop = uv_default_loop();
    while (child_watches(&watch)) {
        uv_process_t process;
        child_begin(&watch);
        start(&process, (char *[]){(char *)program, NULL}, NULL);
        child_end(&watch);
        uv_run(loop, UV_RUN_DEFAULT);
    }
    child_say_held(name, &watch);
}

static void measure_start_static(void)
{
    measure_start("static", child_helper("nothing"));
}

static void measure_start_true(void)
{
    measure_start("true", "/bin/true");
}

static void measure_start_descriptors(void)
{
    child_add_descriptors();
    measure_start("static 10k fds", child_helper("nothing"));
}

static void measure_start_memory(void)
{
    child_add_memory();
    measure_start("static 1 GiB", child_helper("nothing"));
}

static void measure_held_static(void)
{
    measure_held("held/static", child_helper("nothing"));
}

static void measure_held_true(void)
{
    measure_held("held/true", "/bin/true");
}

static void measure_held_descriptors(void)
{
    child_add_descriptors();
    measure_held("held/static 10k fds", child_helper("nothing"));
}

static void measure_held_memory(void)
{
    child_add_memory();
    measure_held("held/static 1 GiB", child_helper("nothing"));
}

/* ---- chunks --------------------------------------------------------------------------------- */

static double bytes;

static void give_buffer(uv_handle_t *stream, size_t suggested, uv_buf_t *result)
{
    (void)stream, (void)suggested;
    *result = uv_buf_init(buffer, sizeof buffer);
}

static void take_chunk(uv_stream_t *stream, ssize_t size, const uv_buf_t *chunk)
{
    (void)chunk;
    if (size > 0)
        bytes += (double)size;
    else if (size < 0)
        uv_close((uv_handle_t *)stream, NULL);
}

static void read_chunks(const char *name)
{
    uv_process_t cat;
    uv_pipe_t output;
    const char *file = child_file();
    loop = uv_default_loop();
    struct child_times begun = child_now();
    uv_pipe_init(loop, &output, 0);
    start(&cat, (char *[]){"cat", (char *)file, NULL}, &output);
    uv_read_start((uv_stream_t *)&output, give_buffer, take_chunk);
    uv_run(loop, UV_RUN_DEFAULT);
    if (bytes != (double)CHILD_CHUNKS * CHILD_CHUNK)
        bench_die(name, "bytes are missing");
    child_say_times(name, begun, CHILD_CHUNKS);
}

static void measure_chunk(void)
{
    read_chunks("chunk");
}

static void measure_chunk_1(void)
{
    read_chunks("chunk/1");
}

/* ---- lines ---------------------------------------------------------------------------------- */

static long lines;
static size_t kept; /* bytes of an unfinished line, at the beginning of the buffer */

static void give_rest(uv_handle_t *stream, size_t suggested, uv_buf_t *result)
{
    (void)stream, (void)suggested;
    *result = uv_buf_init(buffer + kept, (unsigned)(sizeof buffer - kept));
}

static void take_lines(uv_stream_t *stream, ssize_t size, const uv_buf_t *chunk)
{
    (void)chunk;
    if (size < 0)
        uv_close((uv_handle_t *)stream, NULL);
    if (size <= 0)
        return;
    char *line = buffer, *end = buffer + kept + size, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        lines++;
        line = newline + 1;
    }
    kept = (size_t)(end - line);
    memmove(buffer, line, kept);
}

static void measure_line(void)
{
    uv_pipe_t input;
    pid_t feeder = child_feed_lines(LINES);
    loop = uv_default_loop();
    struct child_times begun = child_now();
    uv_pipe_init(loop, &input, 0);
    uv_pipe_open(&input, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&input, give_rest, take_lines);
    uv_run(loop, UV_RUN_DEFAULT);
    if (lines != LINES)
        bench_die("line", "lines are missing");
    child_say_lines("line", begun, LINES, feeder);
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"start/static", measure_start_static},
        {"start/true", measure_start_true},
        {"start/fds", measure_start_descriptors},
        {"start/memory", measure_start_memory},
        {"held/static", measure_held_static},
        {"held/true", measure_held_true},
        {"held/fds", measure_held_descriptors},
        {"held/memory", measure_held_memory},
        {"chunk", measure_chunk},
        {"chunk/1", measure_chunk_1},
        {"line", measure_line},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
