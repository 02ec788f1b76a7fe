/*
 * bench/sync.c: what synchronisation costs: the list of all that is measured of it, and how most of it is timed.
 */
#include "sync.h"

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

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"timeout", measure_timeout},
        {"timeout/yield", measure_timeout_yield},
        {"threadsafe", measure_threadsafe},
        {"threadsafe/1", measure_threadsafe_1},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
