/*
 * sched/timer.c: timers on the heap of deadlines, and async_sleep, the plainest thing that stands
 * on them.
 */
#include "sched/timer.h"
#include "sched/loop.h"
#include <asyncio/time.h>

int asyncp_timer_set(struct async_loop *loop, struct timer *timer, int64_t when_ns)
{
    ASSERT(!timer->set && timer->expire != NULL);
    int result = asyncp_heap_add(&loop->timers, when_ns, timer, &timer->slot);
    timer->set = result == 0;
    return result;
}

void asyncp_timer_clear(struct async_loop *loop, struct timer *timer)
{
    if (!timer->set)
        return;
    timer->set = false;
    asyncp_heap_remove(&loop->timers, timer->slot);
}

void asyncp_timers_expire(struct async_loop *loop, int64_t now_ns)
{
    ASSERT(now_ns < TIME_NEVER);
    while (heap_min_key(&loop->timers) <= now_ns) {
        struct timer *timer = heap_min_node(&loop->timers);
        ENSURE(timer->set && timer->slot == heap_min_slot(&loop->timers),
               "the memory of a time limit is gone or was written over; a block was left, by "
               "longjmp perhaps, without the end of the limit that it began there");
        asyncp_timer_clear(loop, timer);
        timer->expire(timer);
    }
}

int64_t asyncp_nanoseconds(double seconds)
{
    const double most = 9223372036.0; /* what fits in 63 bits of nanoseconds */
    if (seconds >= most)
        return TIME_NEVER;
    if (seconds <= -most)
        return -TIME_NEVER;
    double exact = seconds * 1e9;
    int64_t whole = (int64_t)exact;
    return (double)whole < exact ? whole + 1 : whole;
}

int64_t asyncp_deadline(const struct async_loop *loop, double seconds)
{
    int64_t now_ns = asyncp_now(loop);
    int64_t delay_ns = seconds > 0 ? asyncp_nanoseconds(seconds) : 0;
    return delay_ns < TIME_NEVER - now_ns ? now_ns + delay_ns : TIME_NEVER;
}

struct sleep {
    struct wait wait;   /* of the sleeper */
    struct timer timer; /* ends it */
};

static void wake_up(struct timer *timer)
{
    asyncp_wake(&CONTAINER_OF(timer, struct sleep, timer)->wait, NULL, 0);
}

OUT_OF_LINE static int sleep_to(struct async_loop *loop, int64_t deadline_ns, const char *call)
{
    struct sleep sleep;
    wait_init(&sleep.wait, call, NULL, asyncp_refuse_wait);
    timer_init(&sleep.timer, wake_up);
    sleep.wait.timer = &sleep.timer;
    int result = asyncp_timer_set(loop, &sleep.timer, deadline_ns);
    return result < 0 ? result : asyncp_park(loop, &sleep.wait);
}

int async_sleep(double seconds)
{
    struct async_loop *loop = loop_enter("async_sleep");
    if (unlikely(loop->current->refused))
        return asyncp_refused(loop);
    if (seconds > 0)
        return sleep_to(loop, asyncp_deadline(loop, seconds), "async_sleep");
    if (unlikely(seconds != seconds))
        return -EINVAL;
    asyncp_turn(loop);
    return 0;
}

int async_sleep_until(double when)
{
    struct async_loop *loop = loop_enter("async_sleep_until");
    if (unlikely(loop->current->refused))
        return asyncp_refused(loop);
    if (unlikely(when != when))
        return -EINVAL;
    int64_t when_ns = asyncp_nanoseconds(when);
    if (when_ns > asyncp_now(loop))
        return sleep_to(loop, when_ns, "async_sleep_until");
    asyncp_turn(loop);
    return 0;
}

double async_time(void)
{
    const struct async_loop *loop = asyncp_current;
    return (double)(loop != NULL ? asyncp_now(loop) : asyncp_sys_clock_now()) / 1e9;
}
