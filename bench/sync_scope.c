/*
 * bench/sync_scope.c: the costs of scopes: a group of ten thousand children; a timeout that does
 * not expire, around a call that does not wait and around a call that yields.
 */
#include "sync.h"

enum { CHILDREN = 10000, ENDED = 300 * CHILDREN };
enum { TIMEOUTS = 5000000, FAR_AWAY_S = 1000 };

static int child(void)
{
    return 0;
}
async_fn(child);

static int one_group(void)
{
    ASYNC_TASK_GROUP(group);
    for (int i = 0; i < CHILDREN; i++)
        async_group_create_task(&group, child);
    return async_group_wait(&group);
}

static int groups(long times)
{
    for (long i = 0; i < times / CHILDREN; i++)
        ASYNC_TRY(one_group());
    return 0;
}

void measure_group(void)
{
    bench_run("group/10k", ENDED, groups);
}

__attribute__((noinline)) static int nothing(void)
{
    __asm__ volatile(""); /* otherwise the compiler removes the call */
    return 0;
}

static int limit_nothing(long times)
{
    for (long i = 0; i < times; i++)
        ASYNC_TRY(async_timeout(FAR_AWAY_S, nothing()));
    return 0;
}

static int limit_yield(long times)
{
    for (long i = 0; i < times; i++)
        ASYNC_TRY(async_timeout(FAR_AWAY_S, async_sleep(0)));
    return 0;
}

void measure_timeout(void)
{
    bench_run("timeout", TIMEOUTS, limit_nothing);
}

void measure_timeout_yield(void)
{
    bench_run("timeout/yield", TIMEOUTS, limit_yield);
}
