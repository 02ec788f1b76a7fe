/*
 * bench/sync.h: the measurements of bench-sync, a file for each topic. bench/README.md says what exactly each of
 * them times.
 */
#ifndef BENCH_SYNC_H
#define BENCH_SYNC_H

#include <ours.h>

/* sync_scope.c: time limits. */
void measure_timeout(void);
void measure_timeout_yield(void);

/* sync_thread.c: other threads. */
void measure_threadsafe(void);
void measure_threadsafe_1(void);

/* What is done over and over, so many times. */
typedef int bench_act(long times);

/* Times it, after a tenth of it to warm up. Is a coroutine. */
int bench_per_turn(const char *row, long times, bench_act *act);

/* The same as a run of its own. */
void bench_run(const char *row, long times, bench_act *act);

#endif
