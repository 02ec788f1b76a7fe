/*
 * sched/sleep.c: async_sleep, async_sleep_until and the loop's clock.
 */
#include "base/values.h"
#include "sched/sched.h"
#include "sys/clock.h"
#include <asyncio/time.h>

struct sleep {
    struct wait wait;
    struct timer timer;
};

static void sleep_expire(struct timer *timer)
{
    asyncp_wake(&CONTAINER_OF(timer, struct sleep, timer)->wait, NULL, 0);
}

OUT_OF_LINE static int sleep_until_ns(struct async_loop *loop, int64_t deadline_ns,
                                      const char *call)
{
    struct sleep sleep;
    wait_init(&sleep.wait, call, NULL, asyncp_cancel_wait);
    timer_init(&sleep.timer, sleep_expire);
    sleep.wait.timer = &sleep.timer;
    int result = asyncp_timer_set(loop, &sleep.timer, deadline_ns);
    return result < 0 ? result : asyncp_park(loop, &sleep.wait);
}

int async_sleep(double seconds)
{
    struct async_loop *loop = loop_enter("async_sleep");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (seconds > 0)
        return sleep_until_ns(loop, asyncp_deadline(loop, seconds), "async_sleep");
    if (unlikely(is_not_a_number(seconds)))
        return async_fail(-EINVAL, "async_sleep: seconds is not a number");
    asyncp_yield_once(loop);
    return 0;
}

int async_sleep_until(double when)
{
    struct async_loop *loop = loop_enter("async_sleep_until");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (unlikely(is_not_a_number(when)))
        return async_fail(-EINVAL, "async_sleep_until: when is not a number");
    int64_t when_ns = asyncp_nanoseconds(when);
    if (when_ns > asyncp_now(loop))
        return sleep_until_ns(loop, when_ns, "async_sleep_until");
    asyncp_yield_once(loop);
    return 0;
}

double async_time(void)
{
    const struct async_loop *loop = asyncp_current;
    return (double)(loop != NULL ? asyncp_now(loop) : asyncp_sys_clock_now()) / 1e9;
}
