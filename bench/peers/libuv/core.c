/*
 * core.c: the timer rows of bench-core on libuv. libuv has callbacks and no tasks, so nothing waits
 * for the timers. The protocol is bench.h's.
 */
#define _GNU_SOURCE
#include <bench.h>
#include <uv.h>

static void done(uv_timer_t *timer)
{
    (void)timer;
}

/* Timers instead of sleeping tasks. */
static double wave(int count)
{
    uv_loop_t *loop = uv_default_loop();
    unsigned random = 1;
    double begun = bench_cpu();
    uv_timer_t *timers = malloc((size_t)count * sizeof *timers);
    uv_update_time(loop);
    for (int i = 0; i < count; i++) {
        uv_timer_init(loop, &timers[i]);
        uv_timer_start(&timers[i], done, (uint64_t)(1000 * bench_random(&random)), 0);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    for (int i = 0; i < count; i++)
        uv_close((uv_handle_t *)&timers[i], NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    free(timers);
    return bench_cpu() - begun;
}

static void measure_sleep_100k(void)
{
    bench_say("sleep/100k cold", wave(100000));
    bench_say("sleep/100k", wave(100000));
}

static void measure_sleep_1m(void)
{
    bench_say("sleep/1m cold", wave(1000000));
    bench_say("sleep/1m", wave(1000000));
}

static void set_one(uv_timer_t *timer, unsigned *random)
{
    uv_timer_start(timer, done, 1000000 + (uint64_t)(1000000 * bench_random(random)), 0);
}

static void set_and_cancel(long times, uv_timer_t *timer, unsigned *random)
{
    for (long i = 0; i < times; i++) {
        set_one(timer, random);
        uv_timer_stop(timer);
    }
}

/* Counts starting and stopping only: programs that reuse a handle initialise it once. */
static void measure_timer(void)
{
    enum { PENDING = 1000000, TIMERS = 500000, TIMERS_BEFORE = 5000 };
    uv_timer_t *pending = malloc(PENDING * sizeof *pending), timer;
    unsigned random = 1;
    for (int i = 0; i < PENDING; i++) {
        uv_timer_init(uv_default_loop(), &pending[i]);
        set_one(&pending[i], &random);
    }
    uv_timer_init(uv_default_loop(), &timer);
    set_and_cancel(TIMERS_BEFORE, &timer, &random);
    double begun = bench_cpu();
    set_and_cancel(TIMERS, &timer, &random);
    bench_say("timer", (bench_cpu() - begun) * 1e9 / TIMERS);
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"sleep/100k", measure_sleep_100k},
        {"sleep/1m", measure_sleep_1m},
        {"timer", measure_timer},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
