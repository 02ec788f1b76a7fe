/*
 * top/hold.h: how long a loop has been as it is now, for a thread that looks at it from time to
 * time. The loop takes no part. Which change ends a hold is up to the thread that looks.
 */
#ifndef TOP_HOLD_H
#define TOP_HOLD_H

#include "sched/loop.h"
#include "sys/thread_state.h"
#include "top/stall.h"

/* Of one loop. */
struct hold {
    const struct async_loop *loop;
    int32_t thread;
    uint32_t number;
    struct loop_pulse pulse;   /* when it began */
    int64_t since_ns;          /* when that pulse was seen first */
    uint64_t turns;            /* at the last look */
    int64_t turn_ns;           /* when that number was seen first */
    struct thread_times times; /* of the thread, then, if has_times */
    bool has_times;
};

/* false: the memory of the loop is not there any more. */
bool asyncp_hold_read(const struct hold *hold, struct loop_pulse *pulse);

/* Begins a new hold at now_ns, with this pulse. Opens files of the kernel. */
void asyncp_hold_begin(struct hold *hold, const struct loop_pulse *pulse, int64_t now_ns);

/* Notes that the hold goes on at now_ns, in this turn. */
void asyncp_hold_look(struct hold *hold, const struct loop_pulse *pulse, int64_t now_ns);

/*
 * Describes the hold at now_ns, with the pulse of that time. If the last turn has taken most of it,
 * it is the hold: other tasks had short turns before. Opens files of the kernel.
 */
struct stall asyncp_hold_stall(const struct hold *hold, const struct loop_pulse *pulse,
                               int64_t now_ns);

#endif
