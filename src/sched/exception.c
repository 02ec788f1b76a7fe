/*
 * sched/exception.c: the message about a C++ exception not caught by any frame of a task. Called by
 * the personality routine of the stack's first frame; std::terminate follows.
 */
#include "sched/sched.h"
#include "sys/report.h"

void asyncp_report_uncaught(void)
{
    const struct async_loop *loop = asyncp_current;
    if (loop != NULL && loop_running(loop) != NULL)
        asyncp_report(
            "%s let a C++ exception out of its coroutine; catch it there and return an error",
            asyncp_label(loop_running(loop)->task).text);
}
