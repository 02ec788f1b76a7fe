/*
 * sched/clock.h: the loop's clock and the heap of its timers.
 */
#ifndef SCHED_CLOCK_H
#define SCHED_CLOCK_H

#include "base/heap.h"
#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t now_ns;
    int64_t polled_ns;  /* the last poll */
    struct heap timers; /* by deadline */
    bool is_virtual;    /* time is now_ns, advanced when nothing else can happen */
    /*
     * Poll after every burst, so the order of events does not depend on real time. Set with the
     * virtual clock and with a shuffle.
     */
    bool deterministic;
};

#endif
