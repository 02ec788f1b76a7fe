/*
 * sched/activity.h: activity that keeps the loop alive besides ready tasks, timers and pending
 * operations.
 */
#ifndef SCHED_ACTIVITY_H
#define SCHED_ACTIVITY_H

#include "sys/spin.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct activity {
    size_t jobs;                        /* given to other threads and not finished */
    uint64_t jobs_begun;                /* all so far */
    _Atomic uint32_t remote_references; /* threads that may still touch the loop */
    size_t shutdown_holds;              /* streams that delay the end of the run, for a while */
    size_t output_holds;                /* the same without a limit: standard output */
    bool output_was_lost;               /* of standard output, and no call has returned the error */
    last_cpu worker_seen;               /* processor of the thread that last finished a job */
    struct spinner spin;                /* adaptive spinning before a futex wait */
    bool futex_denied;                  /* futex(2) is forbidden: always sleep in the poller */
};

#endif
