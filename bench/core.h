/*
 * bench/core.h: the measurements of bench-core, a file for each topic. bench/README.md describes
 * each of them.
 */
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include <ours.h>

/* core.c: the scheduler and the queue. */
void measure_switch_2(void);
void measure_switch_100(void);
void measure_switch_1000(void);
void measure_switch_mixed(void);
void measure_create_await(void);
void measure_queue_1(void);
void measure_queue_128(void);

/* core_memory.c: a million tasks at once. */
void measure_million(void);

/* core_time.c: sleepers and timers. */
void measure_sleep_100k(void);
void measure_sleep_1m(void);
void measure_timer(void);

/* core_lateness.c: how late the loop notices timers and descriptors while tasks are ready. */
void measure_lateness_2(void);
void measure_lateness_1000(void);

#endif
