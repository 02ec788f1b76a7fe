/*
 * sys/ticks.h: a cheap clock for traces: the processor's counter where it runs at one rate and the
 * same on all processors, else the monotonic clock. A trace keeps pairs of both readings, from
 * which ticks become nanoseconds.
 */
#ifndef SYS_TICKS_H
#define SYS_TICKS_H

#include "sys/clock.h"
#include <stdbool.h>
#include <stdint.h>

/* Whether the processor has such a counter. */
bool asyncp_sys_has_ticks(void);

static inline uint64_t ticks_now(bool has_ticks)
{
#if defined __x86_64__
    if (has_ticks)
        return __builtin_ia32_rdtsc();
#else
    (void)has_ticks;
#endif
    return (uint64_t)asyncp_sys_clock_now();
}

#endif
