/*
 * bench/ours.h: the common part of our own programs: bench.h, the library's public headers, and
 * helpers for both.
 */
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include <asyncio.h>
#include <bench.h>

/* Ends the program if the call failed. */
static inline void must(int result, const char *call)
{
    if (result < 0)
        bench_die(call, async_strerror(result));
}

/* Prints the processor time since `begun` per operation, in nanoseconds. */
static inline void bench_say_per(const char *row, double begun, long count)
{
    bench_say(row, (bench_cpu() - begun) * 1e9 / (double)count);
}

#endif
