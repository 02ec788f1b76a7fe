/*
 * machine.c: the measurements of bench-machine with blocking calls of libc: posix_spawn and
 * waitpid, read, getline. The caller is held for as long as a call takes. The protocol is
 * bench.h's.
 */
#define _GNU_SOURCE
#include <child.h>

enum { LINES = 4000000 };

static pid_t start(const char *program)
{
    pid_t process;
    char *argv[] = {(char *)program, NULL};
    int error = posix_spawn(&process, program, NULL, NULL, argv, environ);
    if (error != 0)
        bench_die(program, strerror(error));
    return process;
}

static void wait_for(pid_t process)
{
    int status;
    if (waitpid(process, &status, 0) != process || status != 0)
        bench_die("waitpid", "the program has failed");
}

static void start_often(const char *program, int times)
{
    for (int i = 0; i < times; i++)
        wait_for(start(program));
}

static void measure_start(const char *name, const char *program)
{
    start_often(program, CHILD_STARTS_BEFORE);
    struct child_times begun = child_now();
    start_often(program, CHILD_STARTS);
    child_say_times(name, begun, CHILD_STARTS);
}

static void measure_held(const char *name, const char *program)
{
    static struct child_watch watch;
    while (child_watches(&watch)) {
        child_begin(&watch);
        pid_t process = start(program);
        child_end(&watch);
        wait_for(process);
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

/* ---- chunks and lines ----------------------------------------------------------------------- */

static pid_t start_cat(const char *file, int *output)
{
    int ends[2];
    pid_t cat = 0;
    char *argv[] = {"cat", (char *)file, NULL};
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) != 0 ||
        posix_spawnp(&cat, "cat", &actions, NULL, argv, environ) != 0)
        bench_die("cat", "cannot be started");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *output = ends[0];
    return cat;
}

static void read_chunks(const char *name)
{
    static char buffer[CHILD_CHUNK];
    const char *file = child_file();
    struct child_times begun = child_now();
    int output;
    pid_t cat = start_cat(file, &output);
    double bytes = 0;
    ssize_t size;
    while ((size = read(output, buffer, sizeof buffer)) > 0)
        bytes += (double)size;
    if (bytes != (double)CHILD_CHUNKS * CHILD_CHUNK)
        bench_die(name, "bytes are missing");
    close(output);
    wait_for(cat);
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

static void measure_line(void)
{
    char *line = NULL;
    size_t size = 0;
    long count = 0;
    pid_t feeder = child_feed_lines(LINES);
    struct child_times begun = child_now();
    while (getline(&line, &size, stdin) > 0)
        count++;
    if (count != LINES)
        bench_die("line", "lines are missing");
    child_say_lines("line", begun, LINES, feeder);
    free(line);
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
