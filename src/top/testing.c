/* top/testing.c: the entry points of libasyncio-test that concern the loop (asyncio/hooks.h). */
#include "loop/loop.h"
#include "sched/sched.h"
#include "sys/thread.h"

void asyncp_loop_set_idle(async_loop *loop, asyncp_idle_function *function, void *context)
{
    loop_set_idle(loop, function, context);
}

void asyncp_loop_advance(async_loop *loop, int64_t ns)
{
    loop_advance_clock(loop, ns);
}

uint64_t asyncp_loop_turn(const async_loop *loop)
{
    return loop_turn(loop);
}

uint64_t asyncp_loop_ordered(const async_loop *loop)
{
    return loop_ordered(loop);
}

void asyncp_loop_set_left(async_loop *loop, void (*function)(void *context, const char *text),
                          void *context)
{
    asyncp_left_set(loop, (struct left_hook){function, context});
}

void asyncp_loop_report_deadlock(async_loop *loop)
{
    asyncp_deadlock_report(loop, DEADLOCK_OF_TEST);
}

bool asyncp_has_foreign_threads(void)
{
    return asyncp_sys_has_foreign_threads();
}
