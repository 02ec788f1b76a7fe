/*
 * bench/core_time.c: the costs of timers: many tasks that each sleep for up to a second, once on
 * fresh stacks and once on warm ones; and a timer that is set and cancelled while a million others
 * are pending.
 */
#include "core.h"

enum { FEW = 100000, MANY = 1000000 };
enum { PENDING = 1000000, TIMERS = 500000, TIMERS_BEFORE = 5000 };

static async_task *tasks[MANY];

static int sleep_for(double seconds)
{
    return async_sleep(seconds);
}
async_fn(sleep_for, double);

/* *cpu: processor time of one wave, from the first creation until all tasks have ended. */
static int wave(int count, double *cpu)
{
    unsigned random = 1;
    double begun = bench_cpu();
    for (int i = 0; i < count; i++)
        tasks[i] = async_create_task(sleep_for, bench_random(&random));
    int result = async_gather_n(tasks, (size_t)count, NULL, ASYNC_FIRST_ERROR);
    *cpu = bench_cpu() - begun;
    return result;
}

static int two_waves(int count, double *cold, double *warm)
{
    ASYNC_TRY(wave(count, cold));
    return wave(count, warm);
}
async_fn(two_waves, int, double *, double *);

void measure_sleep_100k(void)
{
    double cold, warm;
    must(async_run(two_waves, FEW, &cold, &warm), "sleep/100k");
    bench_say("sleep/100k cold", cold);
    bench_say("sleep/100k", warm);
}

void measure_sleep_1m(void)
{
    double cold, warm;
    must(async_run(two_waves, MANY, &cold, &warm), "sleep/1m");
    bench_say("sleep/1m cold", cold);
    bench_say("sleep/1m", warm);
}

/* ---- timer ---------------------------------------------------------------------------------- */

static void never(void *argument)
{
    (void)argument;
    bench_die("timer", "a cancelled timer has fired");
}

/* Sets a timer that is due in 1,000 to 2,000 seconds. */
static async_handle set_one(unsigned *random)
{
    return async_call_later(1000 + 1000 * bench_random(random), never, NULL);
}

static void set_and_cancel(long times, unsigned *random)
{
    for (long i = 0; i < times; i++)
        async_handle_cancel(set_one(random));
}

static int with_a_million_pending(void)
{
    static async_handle pending[PENDING];
    unsigned random = 1;
    for (int i = 0; i < PENDING; i++)
        pending[i] = set_one(&random);
    set_and_cancel(TIMERS_BEFORE, &random);
    double begun = bench_cpu();
    set_and_cancel(TIMERS, &random);
    bench_say("timer", (bench_cpu() - begun) * 1e9 / TIMERS);
    for (int i = 0; i < PENDING; i++)
        async_handle_cancel(pending[i]);
    return 0;
}
async_fn(with_a_million_pending);

void measure_timer(void)
{
    must(async_run(with_a_million_pending), "timer");
}
