/*
 * bench/ours.h: what our own programs do alike, whatever they measure: bench.h and the library's
 * public headers.
 */
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include <asyncio.h>
#include <bench.h>

/* Ends the program if that call failed. */
static inline void must(int result, const char *call)
{
    if (result < 0)
        bench_die(call, async_strerror(result));
}

/* What each of so many took of the processor's time since then, in nanoseconds. */
static inline void bench_say_per(const char *row, double begun, long count)
{
    bench_say(row, (bench_cpu() - begun) * 1e9 / (double)count);
}

#endif
