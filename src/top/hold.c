/*
 * top/hold.c: what a thread that looks at other threads' loops keeps of each.
 */
#include "top/hold.h"
#include "inspect/process.h"
#include "sched/sched.h"

bool asyncp_hold_read(const struct hold *hold, struct loop_pulse *pulse)
{
    struct async_loop copy;
    const bool was_read = asyncp_view_read(&asyncp_own_view, (uintptr_t)hold->loop, &copy,
                                           sizeof copy) == 0;
    if (was_read)
        *pulse = loop_pulse(&copy);
    return was_read;
}

void asyncp_hold_begin(struct hold *hold, const struct loop_pulse *pulse, int64_t now_ns)
{
    hold->pulse = *pulse;
    hold->since_ns = hold->turn_ns = now_ns;
    hold->turns = pulse->turns;
    hold->has_times = asyncp_sys_thread_times(hold->thread, &hold->times);
}

void asyncp_hold_look(struct hold *hold, const struct loop_pulse *pulse, int64_t now_ns)
{
    if (hold->turns != pulse->turns)
        hold->turn_ns = now_ns;
    hold->turns = pulse->turns;
}

struct stall asyncp_hold_stall(const struct hold *hold, const struct loop_pulse *pulse,
                               int64_t now_ns)
{
    struct thread_times times;
    const int64_t whole_ns = now_ns - hold->since_ns, turn_ns = now_ns - hold->turn_ns;
    const bool is_one_turn = hold->turns == pulse->turns && turn_ns >= whole_ns / 2;
    const int64_t held_ns = is_one_turn ? turn_ns : whole_ns;
    const bool is_known = hold->has_times && asyncp_sys_thread_times(hold->thread, &times);
    return (struct stall){.loop = hold->number,
                          .thread = hold->thread,
                          .held_ns = held_ns,
                          .ran_ns = is_known ? times.ran_ns - hold->times.ran_ns : 0,
                          .has_turns = !is_one_turn,
                          .cause = is_known ? asyncp_stall_cause(&hold->times, &times, held_ns)
                                            : STALL_UNKNOWN};
}
