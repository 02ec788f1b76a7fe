/* sched/timer.c: timers, in a heap ordered by deadline, and the clock. */
#include "sched/timer.h"
#include "sched/sched.h"
#include "sys/clock.h"

int asyncp_timer_set(struct async_loop *loop, struct timer *timer, int64_t when_ns)
{
    ASSERT(!timer->set && timer->expire != NULL);
    int result = asyncp_heap_add(&loop->clock.timers, when_ns, timer, &timer->slot);
    timer->set = result == 0;
    return result;
}

void asyncp_timer_clear(struct async_loop *loop, struct timer *timer)
{
    if (!timer->set)
        return;
    timer->set = false;
    asyncp_heap_remove(&loop->clock.timers, timer->slot);
}

unsigned asyncp_timer_count(const struct async_loop *loop)
{
    return loop->clock.timers.count;
}

void asyncp_timers_expire(struct async_loop *loop, int64_t now_ns)
{
    const int64_t polled_ns = loop->clock.polled_ns; /* a timer before it was set too late */
    ASSERT(now_ns < TIME_NEVER);
    while (heap_min_key(&loop->clock.timers) <= now_ns) {
        struct timer *timer = heap_min_node(&loop->clock.timers);
        int64_t when_ns = heap_min_key(&loop->clock.timers);
        ENSURE(
            timer->set && timer->slot == heap_min_slot(&loop->clock.timers),
            "the memory of a timer was freed or overwritten: a frame that sleeps or has a timeout "
            "was left, perhaps by longjmp, and its call had not returned");
        asyncp_timer_clear(loop, timer);
        asyncp_metrics_fire(loop, now_ns - (when_ns > polled_ns ? when_ns : polled_ns));
        timer->expire(timer);
    }
}

int64_t asyncp_nanoseconds(double seconds)
{
    const double max = 9223372036.0; /* 63 bits of nanoseconds */
    if (seconds >= max)
        return TIME_NEVER;
    if (seconds <= -max)
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

void asyncp_clock_open(struct async_loop *loop, bool is_virtual, bool deterministic)
{
    loop->clock.is_virtual = is_virtual;
    loop->clock.deterministic = deterministic;
    loop->clock.now_ns = is_virtual ? 0 : asyncp_sys_clock_now();
    asyncp_heap_open(&loop->clock.timers, loop->memory);
}

void asyncp_clock_close(struct async_loop *loop)
{
    asyncp_heap_close(&loop->clock.timers);
}
