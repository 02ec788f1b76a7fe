/*
 * bench/machine.h: the measurements of bench-machine, a file for each topic. bench/README.md
 * describes each of them.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <child.h>
#include <ours.h>

/* machine_start.c: starting a program and waiting for its end. */
void measure_start_static(void);
void measure_start_true(void);
void measure_start_descriptors(void);
void measure_start_memory(void);

/* machine_held.c: how long a start holds the loop. */
void measure_held_static(void);
void measure_held_true(void);
void measure_held_descriptors(void);
void measure_held_memory(void);

/* machine_pipe.c: the output of a program, and lines of standard input. */
void measure_chunk(void);
void measure_chunk_1(void);
void measure_line(void);
void measure_line_borrowed(void);

#endif
