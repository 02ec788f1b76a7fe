/*
 * bench/bench.h: what every program of a benchmark does alike, ours and the peers' in C and C++.
 * Without an argument it lists its measurements, one name a line; with one of those names it
 * measures once and prints a line "row value" for each number, with a third word if it measured the
 * target beside it. bench/run.py does all the rest: pinning, rounds, medians, tables. Knows nothing
 * of what is measured.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One thing that can be measured. */
struct bench_measurement {
    const char *name;      /* "switch/2" */
    void (*measure)(void); /* does it once and says its rows */
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
 * Seconds of processor that all threads of this process have had, in the kernel too: what every row
 * that has no other clock is told in, so that a machine that is busy with others does not count.
 */
static inline double bench_cpu(void)
{
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* Bytes of memory and of page tables that this process holds: VmRSS + VmPTE. */
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

/*
 * The next of a row of random numbers from 0 up to 1, the same row in each peer: Park and Miller's.
 */
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
