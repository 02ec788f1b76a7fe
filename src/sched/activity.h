/*
 * sched/activity.h: what keeps a loop that has nothing ready from being idle, apart from timers and
 * the kernel.
 */
#ifndef SCHED_ACTIVITY_H
#define SCHED_ACTIVITY_H

#include "sys/patience.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct activity {
    size_t jobs;                        /* given to other threads, whose end was not received */
    _Atomic uint32_t remote_references; /* threads that may still touch the loop */
    size_t shutdown_holds;              /* streams that the end of the run waits for, a while */
    seen_at worker_seen;                /* the thread whose job ended last */
    struct patience spin;               /* before the loop sleeps while it has jobs */
    bool futex_denied;                  /* the loop always sleeps in the poller */
};

#endif
