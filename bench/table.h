/*
 * bench/table.h: how a benchmark measures and tells: rows of one number each, the median of several runs on one
 * pinned core, printed as a table and written to bench/results/NAME.json. Every benchmark uses this form. It knows
 * nothing of what is measured.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_RUNS = 7, BENCH_ROWS = 32 };

/* One thing that is measured. */
struct bench_row {
    const char *name;        /* "switch/2" */
    const char *unit;        /* "ns" */
    double target;           /* what we aim for; 0: only reported */
    double (*measure)(void); /* one run: the number */
    double median;           /* of all runs */
    double least, most;      /* the spread */
};

static inline double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* On one core, the last: the first ones serve interrupts. */
static inline void bench_pin(void)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return;
    for (size_t cpu = CPU_SETSIZE; cpu-- > 0;)
        if (CPU_ISSET(cpu, &all)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
}

static inline int bench_by_value(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Measures every row once in each round, so that a slow moment of the machine hits all of them alike. */
static inline void bench_measure(struct bench_row *rows, size_t count)
{
    static double values[BENCH_ROWS][BENCH_RUNS];
    for (int run = 0; run < BENCH_RUNS; run++)
        for (size_t i = 0; i < count; i++)
            values[i][run] = rows[i].measure();
    for (size_t i = 0; i < count; i++) {
        qsort(values[i], BENCH_RUNS, sizeof(double), bench_by_value);
        rows[i].median = values[i][BENCH_RUNS / 2];
        rows[i].least = values[i][0];
        rows[i].most = values[i][BENCH_RUNS - 1];
    }
}

static inline void bench_print(const struct bench_row *rows, size_t count)
{
    printf("%-20s %10s %10s %10s   %s\n", "row", "ours", "least", "most", "target");
    for (size_t i = 0; i < count; i++) {
        char target[32] = "reported";
        if (rows[i].target > 0)
            snprintf(target, sizeof target, "<= %g %s", rows[i].target,
                     rows[i].median <= rows[i].target ? "met" : "MISSED");
        printf("%-20s %7.1f %-2s %10.1f %10.1f   %s\n", rows[i].name, rows[i].median, rows[i].unit,
               rows[i].least, rows[i].most, target);
    }
}

static inline int bench_write(const char *path, const struct bench_row *rows, size_t count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return -1;
    fprintf(file, "[\n");
    for (size_t i = 0; i < count; i++)
        fprintf(file,
                "  {\"row\": \"%s\", \"unit\": \"%s\", \"better\": \"lower\", \"ours\": %.2f, \"peers\": {}, "
                "\"target\": %g}%s\n",
                rows[i].name, rows[i].unit, rows[i].median, rows[i].target, i + 1 < count ? "," : "");
    fprintf(file, "]\n");
    return fclose(file);
}

#endif
