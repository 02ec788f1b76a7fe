/*
 * sched/exception.c: the message for a C++ exception that a task does not catch. The function here
 * is the personality routine of each stack's first frame, so the unwinder calls it last. It reports
 * the task and never handles the exception; std::terminate follows, with the stack still intact.
 */
#include "sched/sched.h"
#include <unwind.h>

_Unwind_Reason_Code asyncp_uncaught(int version, _Unwind_Action actions,
                                    _Unwind_Exception_Class kind,
                                    struct _Unwind_Exception *exception,
                                    struct _Unwind_Context *frame)
{
    const struct async_loop *loop = asyncp_current;
    if (version == 1 && (actions & _UA_SEARCH_PHASE) != 0 && loop != NULL &&
        loop_running(loop) != NULL)
        asyncp_report(
            "%s let a C++ exception out of its coroutine; catch it there and return an error",
            asyncp_label(loop_running(loop)->task).text);
    (void)kind;
    (void)exception;
    (void)frame;
    return _URC_CONTINUE_UNWIND;
}
