/*
 * bench/sync.h: the measurements of bench-sync, a file for each topic. bench/README.md describes
 * each of them.
 */
#ifndef BENCH_SYNC_H
#define BENCH_SYNC_H

#include <ours.h>

/* sync_lock.c: locks and semaphores. */
void measure_lock(void);
void measure_lock_2(void);
void measure_lock_100(void);
void measure_semaphore(void);
void measure_semaphore_100(void);

/* sync_event.c: events, conditions and barriers with many waiters. */
void measure_event(void);
void measure_condition(void);
void measure_barrier(void);

/* sync_select.c: the first of several. */
void measure_select(void);
void measure_select_ready(void);

/* sync_scope.c: groups and time limits. */
void measure_group(void);
void measure_timeout(void);
void measure_timeout_yield(void);

/* sync_thread.c: other threads. */
void measure_to_thread(void);
void measure_to_thread_64(void);
void measure_to_thread_1(void);
void measure_threadsafe(void);
void measure_threadsafe_1(void);

/* Does the measured operation that many times. */
typedef int bench_act(long times);

/* Warms up with a tenth of the operations, measures, and prints the row. Is a coroutine. */
int bench_per_turn(const char *row, long times, bench_act *act);

/* Divides the operations among that many tasks, at most a hundred. Is a coroutine. */
int bench_all(int tasks, long times, bench_act *act);

/* Calls bench_per_turn in async_run. */
void bench_run(const char *row, long times, bench_act *act);

#endif
