/*
 * bench/sync_event.c: an event that wakes ten thousand tasks, a condition by which two tasks take
 * turns, and a barrier with a hundred parties.
 */
#include "sync.h"

enum { WAITERS = 10000, WAKES = 500 * WAITERS, TURNS = 2000000, PARTIES = 100, COMINGS = 4000000 };

static async_event bell, all_up;
static int woken;

static int wake_again_and_again(void)
{
    for (;;) {
        ASYNC_TRY(async_event_wait(&bell));
        if (++woken == WAITERS) {
            woken = 0;
            async_event_set(&all_up);
        }
    }
}
async_fn(wake_again_and_again);

static int wake_all(long times)
{
    for (long i = 0; i < times / WAITERS; i++) {
        async_event_set(&bell);
        async_event_clear(&bell);
        ASYNC_TRY(async_event_wait(&all_up));
        async_event_clear(&all_up);
    }
    return 0;
}

/* The end of the run cancels the waiting tasks. */
static int waking(void)
{
    for (int i = 0; i < WAITERS; i++)
        async_task_detach(async_create_task(wake_again_and_again));
    ASYNC_TRY(async_sleep(0)); /* each task runs until it waits */
    return bench_per_turn("event/10k", WAKES, wake_all);
}
async_fn(waking);

void measure_event(void)
{
    must(async_run(waking), "event/10k");
}

static async_condition condition;
static int turn, arrived;

static int take_turns(long times)
{
    int number = arrived++ % 2;
    for (long i = 0; i < times; i++) {
        ASYNC_TRY(async_condition_acquire(&condition));
        while (turn != number)
            ASYNC_TRY(async_condition_wait(&condition));
        turn = 1 - number;
        async_condition_notify(&condition, 1);
        async_condition_release(&condition);
    }
    return 0;
}

static int two_take_turns(long times)
{
    return bench_all(2, times, take_turns);
}

void measure_condition(void)
{
    bench_run("condition", TURNS, two_take_turns);
}

static async_barrier barrier = {.parties = PARTIES};

static int come_again_and_again(long times)
{
    for (long i = 0; i < times; i++)
        ASYNC_TRY(async_barrier_wait(&barrier));
    return 0;
}

static int all_come(long times)
{
    return bench_all(PARTIES, times, come_again_and_again);
}

void measure_barrier(void)
{
    bench_run("barrier/100", COMINGS, all_come);
}
