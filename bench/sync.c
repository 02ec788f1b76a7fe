/*
 * bench/sync.c: the list of the measurements of bench-sync, and the helpers that time most of
 * them.
 */
#include "sync.h"

enum { MAX_TASKS = 100 };

int bench_per_turn(const char *row, long times, bench_act *act)
{
    ASYNC_TRY(act(times / 10));
    double begun = bench_cpu();
    ASYNC_TRY(act(times));
    bench_say_per(row, begun, times);
    return 0;
}
async_fn(bench_per_turn, const char *, long, bench_act *);

void bench_run(const char *row, long times, bench_act *act)
{
    must(async_run(bench_per_turn, row, times, act), row);
}

static int part(long times, bench_act *act)
{
    return act(times);
}
async_fn(part, long, bench_act *);

int bench_all(int tasks, long times, bench_act *act)
{
    async_task *all[MAX_TASKS];
    for (int i = 0; i < tasks; i++)
        all[i] = async_create_task(part, times / tasks, act);
    return async_gather_n(all, (size_t)tasks, NULL, ASYNC_FIRST_ERROR);
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"lock", measure_lock},
        {"lock/2", measure_lock_2},
        {"lock/100", measure_lock_100},
        {"semaphore", measure_semaphore},
        {"semaphore/100", measure_semaphore_100},
        {"event/10k", measure_event},
        {"condition", measure_condition},
        {"barrier/100", measure_barrier},
        {"group/10k", measure_group},
        {"timeout", measure_timeout},
        {"timeout/yield", measure_timeout_yield},
        {"select", measure_select},
        {"select/ready", measure_select_ready},
        {"to_thread", measure_to_thread},
        {"to_thread/64", measure_to_thread_64},
        {"to_thread/1", measure_to_thread_1},
        {"threadsafe", measure_threadsafe},
        {"threadsafe/1", measure_threadsafe_1},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
