/*
 * bench/child.h: the common part of the programs in C that start other programs: where these are,
 * what the starting process has open and in memory, and how long a start held it. This file must
 * not know by which library they are started.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <bench.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHILD_STARTS = 1000, CHILD_STARTS_BEFORE = 100 };
enum { CHILD_HELD = 1000, CHILD_HELD_BEFORE = 20 };
enum { CHILD_DESCRIPTORS = 10000, CHILD_MEMORY = 1 << 30 };
enum { CHILD_CHUNK = 65536, CHILD_CHUNKS = 8192 };

/* A program in bench/helpers, built by bench/run.py. */
static inline const char *child_helper(const char *name)
{
    static char path[4096];
    const char *folder = getenv("BENCH_HELPERS");
    if (folder == NULL)
        bench_die("BENCH_HELPERS", "is not set; start this program with bench/run.py");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- what the starting process has ---------------------------------------------------------- */

static inline void child_add_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < CHILD_DESCRIPTORS; i++)
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
            bench_die("10,000 descriptors", strerror(errno));
}

static inline void child_add_memory(void)
{
    char *memory = malloc(CHILD_MEMORY);
    if (memory == NULL)
        bench_die("1 GiB of memory", "cannot be allocated");
    memset(memory, 1, CHILD_MEMORY);
    __asm__ volatile("" : : "r"(memory) : "memory"); /* it is used, as far as the compiler knows */
}

/* ---- start and wait ------------------------------------------------------------------------- */

struct child_times {
    double cpu, wall;
};

static inline struct child_times child_now(void)
{
    return (struct child_times){bench_cpu(), bench_clock(CLOCK_MONOTONIC)};
}

/* Prints the rows cpu/NAME and wall/NAME in microseconds of one operation. */
static inline void child_say_times(const char *name, struct child_times begun, double count)
{
    struct child_times now = child_now();
    char row[64];
    snprintf(row, sizeof row, "cpu/%s", name);
    bench_say(row, (now.cpu - begun.cpu) * 1e6 / count);
    snprintf(row, sizeof row, "wall/%s", name);
    bench_say(row, (now.wall - begun.wall) * 1e6 / count);
}

/* ---- how long a start held the loop --------------------------------------------------------- */

/*
 * The longest time between two turns of the loop during each start, in wall-clock time; and the
 * same without the time that the loop's thread waited for a processor which others had
 * (/proc/thread-self/schedstat).
 */
struct child_watch {
    int delays; /* that file; 0 at first */
    double last, last_delay;
    double longest, longest_wall; /* of this start */
    int starts;
    double held[CHILD_HELD], held_wall[CHILD_HELD]; /* seconds */
};

/* Shorter times are not looked into: the file takes a microsecond to read. */
static const double CHILD_UNSUSPICIOUS = 20e-6;

/* Seconds that the thread has waited for a processor until now. */
static inline double child_delay(struct child_watch *watch)
{
    char text[128];
    double ran, waited;
    if (watch->delays == 0)
        watch->delays = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    ssize_t size = pread(watch->delays, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = 0;
    if (sscanf(text, "%lf %lf", &ran, &waited) != 2)
        bench_die("/proc/thread-self/schedstat", "cannot be read");
    return waited / 1e9;
}

/* The loop is at a turn. */
static inline void child_turn(struct child_watch *watch)
{
    double wall = bench_clock(CLOCK_MONOTONIC) - watch->last, held = wall;
    if (wall > CHILD_UNSUSPICIOUS) {
        double delay = child_delay(watch);
        held -= delay - watch->last_delay;
        watch->last_delay = delay;
    }
    if (wall > watch->longest_wall)
        watch->longest_wall = wall;
    if (held > watch->longest)
        watch->longest = held;
    watch->last = bench_clock(CLOCK_MONOTONIC);
}

static inline bool child_watches(const struct child_watch *watch)
{
    return watch->starts < CHILD_HELD_BEFORE + CHILD_HELD;
}

static inline void child_begin(struct child_watch *watch)
{
    watch->longest = watch->longest_wall = 0;
    watch->last_delay = child_delay(watch);
    watch->last = bench_clock(CLOCK_MONOTONIC);
}

/* The start has returned. The first starts are not counted. */
static inline void child_end(struct child_watch *watch)
{
    child_turn(watch);
    int number = watch->starts++ - CHILD_HELD_BEFORE;
    if (number >= 0) {
        watch->held[number] = watch->longest;
        watch->held_wall[number] = watch->longest_wall;
    }
}

static inline int child_compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static inline void child_say_percentile(const char *name, const char *suffix, double *held,
                                        int percent)
{
    char row[64];
    qsort(held, CHILD_HELD, sizeof held[0], child_compare);
    snprintf(row, sizeof row, "%s %s", name, suffix);
    bench_say(row, held[CHILD_HELD / 100 * percent] * 1e6);
}

/* Prints the rows NAME p50, NAME p99 and NAME p99 wall in microseconds. */
static inline void child_say_held(const char *name, struct child_watch *watch)
{
    child_say_percentile(name, "p50", watch->held, 50);
    child_say_percentile(name, "p99", watch->held, 99);
    child_say_percentile(name, "p99 wall", watch->held_wall, 99);
}

/* ---- chunks and lines ----------------------------------------------------------------------- */

/* A file of CHILD_CHUNKS chunks of zeros, without blocks on the disk, once read. */
static inline const char *child_file(void)
{
    static char buffer[CHILD_CHUNK];
    const char *path = child_helper("zeros");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)CHILD_CHUNKS * CHILD_CHUNK) < 0)
        bench_die(path, strerror(errno));
    while (read(fd, buffer, sizeof buffer) > 0) {
    }
    close(fd);
    return path;
}

/* Replaces standard input by a pipe from the helper `lines`. Returns its process. */
static inline pid_t child_feed_lines(long count)
{
    int ends[2];
    pid_t feeder = 0;
    char number[24];
    const char *path = child_helper("lines");
    char *argv[] = {(char *)path, number, NULL};
    posix_spawn_file_actions_t actions;
    snprintf(number, sizeof number, "%ld", count);
    if (pipe2(ends, O_CLOEXEC) < 0 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) != 0 ||
        posix_spawn(&feeder, path, &actions, NULL, argv, environ) != 0)
        bench_die(path, "cannot be started");
    posix_spawn_file_actions_destroy(&actions);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    close(ends[1]);
    return feeder;
}

/* Prints cpu/NAME in nanoseconds of a line and rate/NAME in lines per second. */
static inline void child_say_lines(const char *name, struct child_times begun, long count,
                                   pid_t feeder)
{
    struct child_times now = child_now();
    char row[64];
    waitpid(feeder, NULL, 0);
    snprintf(row, sizeof row, "cpu/%s", name);
    bench_say(row, (now.cpu - begun.cpu) * 1e9 / (double)count);
    snprintf(row, sizeof row, "rate/%s", name);
    bench_say(row, (double)count / (now.wall - begun.wall));
}

#endif
