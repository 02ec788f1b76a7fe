/*
 * sched/clock.h: the loop's clock and the heap of its timers.
 */
#ifndef SCHED_CLOCK_H
#define SCHED_CLOCK_H

#include "base/heap.h"
#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t now_ns;     /* as last read */
    int64_t polled_ns;  /* when the loop last polled */
    struct heap timers; /* by deadline */
    bool is_virtual;    /* time is now_ns, and jumps when nothing else can happen */
    /*
     * A poll after each iteration, so that the order of events does not depend on real time: with
     * the virtual clock, and with a shuffle.
     */
    bool deterministic;
};

#endif
