/* sched/left.c: a hook, or else a report of debug mode. */
#include "sched/left.h"
#include "sched/sched.h"
#include "sys/report.h"
#include <stdarg.h>
#include <stdio.h>

void asyncp_left_set(struct async_loop *loop, struct left_hook hook)
{
    loop->closing.left = hook;
}

bool asyncp_left_has_hook(const struct async_loop *loop)
{
    return loop->closing.left.function != NULL;
}

bool asyncp_left_is_told(const struct async_loop *loop)
{
    return (loop_is_debug(loop) || asyncp_left_has_hook(loop)) && !loop_is_inherited(loop);
}

void asyncp_left_tell(const struct async_loop *loop, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (asyncp_left_has_hook(loop))
        loop->closing.left.function(loop->closing.left.context, text);
    else
        asyncp_report("%s", text);
}
