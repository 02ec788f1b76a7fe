/*
 * sched/exception.c: what is said when a C++ exception finds nobody in a task who catches it. Each
 * stack's first frame names the function here as its personality routine, so an unwinder that has
 * looked everywhere else asks it, as the last one, whether it wants the exception. It never does;
 * std::terminate comes next, with the whole stack still there.
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
