/*
 * bench/sync_lock.c: locks and semaphores: without contention, and taken by many tasks that yield
 * while they hold them.
 */
#include "sync.h"

enum { PAIRS = 50000000, TURNS = 4000000, MAX_TASKS = 100, PERMITS = 10 };

static async_lock lock;
static async_semaphore semaphore = {.value = PERMITS};

static int lock_free(long times)
{
    for (long i = 0; i < times; i++) {
        ASYNC_TRY(async_lock_acquire(&lock));
        async_lock_release(&lock);
    }
    return 0;
}

void measure_lock(void)
{
    bench_run("lock", PAIRS, lock_free);
}

static int lock_yielding(long times)
{
    for (long i = 0; i < times; i++) {
        ASYNC_TRY(async_lock_acquire(&lock));
        ASYNC_TRY(async_sleep(0));
        async_lock_release(&lock);
    }
    return 0;
}

static int lock_by_2(long times)
{
    return bench_all(2, times, lock_yielding);
}

static int lock_by_100(long times)
{
    return bench_all(MAX_TASKS, times, lock_yielding);
}

void measure_lock_2(void)
{
    bench_run("lock/2", TURNS, lock_by_2);
}

void measure_lock_100(void)
{
    bench_run("lock/100", TURNS, lock_by_100);
}

static int acquire_free(long times)
{
    for (long i = 0; i < times; i++) {
        ASYNC_TRY(async_semaphore_acquire(&semaphore));
        async_semaphore_release(&semaphore);
    }
    return 0;
}

void measure_semaphore(void)
{
    bench_run("semaphore", PAIRS, acquire_free);
}

static int acquire_yielding(long times)
{
    for (long i = 0; i < times; i++) {
        ASYNC_TRY(async_semaphore_acquire(&semaphore));
        ASYNC_TRY(async_sleep(0));
        async_semaphore_release(&semaphore);
    }
    return 0;
}

static int acquire_by_100(long times)
{
    return bench_all(MAX_TASKS, times, acquire_yielding);
}

void measure_semaphore_100(void)
{
    bench_run("semaphore/100", TURNS, acquire_by_100);
}
