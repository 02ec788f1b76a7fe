/*
 * bench/bench.h: the protocol of all benchmark programs in C and C++, ours and the peers'. Without
 * an argument a program lists its measurements, one name per line. With one of these names it
 * measures once and prints a line "row value" for each number, with a third word if it also
 * measured the target. bench/run.py does the rest: pinning, rounds, pairs, medians, tables. This
 * file must not know what is measured.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench_measurement {
    const char *name;      /* "switch/2" */
    void (*measure)(void); /* measures once and prints the rows */
};

static inline void bench_say(const char *row, double value)
{
    printf("%s\t%.9g\n", row, value);
}

static inline void bench_say_against(const char *row, double value, double target)
{
    printf("%s\t%.9g\t%.9g\n", row, value, target);
}

static inline void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline double bench_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * Seconds of processor time of all threads of this process, in user mode and in the kernel. The
 * clock of each row that names no other: other programs on a busy machine do not count.
 *
 * In a build that counts instructions (paired.py) callgrind writes its counters before each call,
 * and each reading is 1 ns more than the one before: a row then is 1 / operations.
 */
#ifndef BENCH_COUNTS
static inline double bench_cpu(void)
{
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}
#else
__attribute__((noinline, unused)) static double bench_cpu(void)
{
    static int readings;
    return ++readings * 1e-9;
}
#endif

/* Bytes of memory and of page tables of this process: VmRSS + VmPTE. */
static inline double bench_memory(void)
{
    double kilobytes = 0, value;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL)
        bench_die("/proc/self/status", "cannot be read");
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmRSS: %lf kB", &value) == 1 ||
            sscanf(line, "VmPTE: %lf kB", &value) == 1)
            kilobytes += value;
    fclose(status);
    return kilobytes * 1024;
}

/* Returns the next random number in (0, 1); each peer has the same generator, Park and Miller's. */
static inline double bench_random(unsigned *state)
{
    *state = (unsigned)((unsigned long long)*state * 48271 % 2147483647);
    return *state / 2147483647.0;
}

static inline int bench_main(int argc, char **argv, const struct bench_measurement *all,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (argc < 2)
            puts(all[i].name);
        else if (strcmp(argv[1], all[i].name) == 0)
            all[i].measure();
    }
    return 0;
}

#endif
