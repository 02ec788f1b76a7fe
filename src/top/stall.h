/*
 * top/stall.h: the report about a loop that is held: by which task, why, and in which calls.
 */
#ifndef TOP_STALL_H
#define TOP_STALL_H

#include "sys/thread_state.h"

enum stall_cause {
    STALL_COMPUTES,
    STALL_BLOCKED, /* its thread sleeps in the kernel */
    STALL_STARVED, /* its thread is ready, and the machine gives it no processor */
    STALL_UNKNOWN  /* the kernel has not told the times of its thread */
};

/* A loop that has not looked for events for a while. */
struct stall {
    uint32_t loop; /* number */
    int32_t thread;
    int64_t held_ns;
    int64_t ran_ns; /* time on a processor within held_ns; 0: unknown */
    bool has_turns; /* several tasks have run meanwhile */
    enum stall_cause cause;
    /* whether the loop has gone on; then there is no report. NULL: not asked */
    bool (*is_over)(const void *context);
    const void *context;
};

/* Which half of the time from one reading to the other was spent how. */
enum stall_cause asyncp_stall_cause(const struct thread_times *before,
                                    const struct thread_times *now, int64_t held_ns);

/*
 * Writes the report. room: for a sample of the thread. From another thread than that of the loop;
 * allocates memory. Returns whether it was written.
 */
bool asyncp_report_stall(const struct stall *stall, struct thread_sample *room);

#endif
