/*
 * stack/personality.c: the personality routine of the first frame of each stack. An unwinder asks
 * it last, after it has found no handler for a C++ exception in the other frames. It never handles
 * the exception, so std::terminate follows with all frames still in place. The unwinding at the end
 * of a thread comes here after it has left all frames of the task.
 */
#include "stack/context.h"
#include <unwind.h>

_Atomic(asyncp_uncaught_function *) asyncp_uncaught_hook;

_Unwind_Reason_Code asyncp_stack_personality(int version, _Unwind_Action actions,
                                             _Unwind_Exception_Class kind,
                                             struct _Unwind_Exception *exception,
                                             struct _Unwind_Context *frame)
{
    asyncp_uncaught_function *hook = asyncp_uncaught_hook;
    const bool ends_thread = (actions & _UA_FORCE_UNWIND) != 0;
    if (version == 1 && (ends_thread || (actions & _UA_SEARCH_PHASE) != 0) && hook != NULL)
        hook(ends_thread);
    (void)kind;
    (void)exception;
    (void)frame;
    return _URC_CONTINUE_UNWIND;
}
