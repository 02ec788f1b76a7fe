/* loop/debug.c: switching debug mode, and its limit for slow callbacks. */
#include "base/values.h"
#include "loop/loop.h"

enum { SLOW_NS = 100000000 }; /* as slow_callback_duration of CPython */

void async_loop_set_debug(async_loop *loop, bool debug)
{
    if (loop == NULL)
        return;
    ENSURE(loop == asyncp_current, "async_loop_set_debug: this is not the calling thread's loop");
    loop->debug.enabled = debug;
    loop_watch_stops(loop);
    loop->debug.instrumented = debug || tools_under_valgrind();
    asyncp_set_beginning(loop);
    if (debug)
        loop->hooks->observe(loop);
    if (debug)
        loop_set_attention(loop, ATTENTION_DEBUG);
    else
        loop_clear_attention(loop, ATTENTION_DEBUG);
}

bool async_loop_get_debug(const async_loop *loop)
{
    return loop != NULL && loop->debug.enabled;
}

int async_loop_set_slow_callback_duration(async_loop *loop, double seconds)
{
    if (loop == NULL || is_not_a_number(seconds))
        return async_fail(
            -EINVAL,
            "async_loop_set_slow_callback_duration: the loop is NULL, or seconds is not a number");
    ENSURE(loop == asyncp_current,
           "async_loop_set_slow_callback_duration: this is not the calling thread's loop");
    loop->debug.slow_ns = seconds > 0 ? asyncp_nanoseconds(seconds) : 0;
    return 0;
}

void asyncp_debug_open(struct async_loop *loop, bool enabled)
{
    loop->debug.slow_ns = SLOW_NS;
    loop->debug.enabled = enabled;
    loop_watch_stops(loop);
    loop->debug.instrumented = enabled || tools_under_valgrind();
    asyncp_set_beginning(loop);
    if (enabled)
        loop_set_attention(loop, ATTENTION_DEBUG);
}
