/*
 * sched/exception.c: the messages about a C++ exception not caught by any frame of a task, after
 * which std::terminate follows, and about a thread that ends in a task. Called by the personality
 * routine of the stack's first frame.
 */
#include "sched/sched.h"
#include "sys/report.h"

void asyncp_report_uncaught(bool ends_thread)
{
    const struct async_loop *loop = asyncp_current;
    if (loop == NULL || loop_running(loop) == NULL)
        return;
    const struct label label = asyncp_label(loop_running(loop)->task);
    ENSURE(
        !ends_thread,
        "%s ends its thread, by pthread_exit or pthread_cancel; all tasks of the loop run on it: "
        "return from the task, and end others with async_task_cancel",
        label.text);
    asyncp_report("%s let a C++ exception out of its coroutine; catch it there and return an error",
                  label.text);
}
