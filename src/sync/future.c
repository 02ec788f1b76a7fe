/*
 * sync/future.c: async_future, the record of a task without a coroutine. Tasks wait for it as they
 * wait for a task; this file only creates and settles it.
 */
#include "sched/sched.h"
#include <asyncio/future.h>

async_future *asyncp_future_new(const char *where)
{
    struct async_loop *loop = asyncp_current;
    if (loop == NULL) {
        asyncp_run_expect("async_future_new", "", where);
        return NULL;
    }
    return asyncp_task_promise(loop, "future", where);
}

/* 0 if the future can be settled, else -errno. */
static int check_pending(const async_future *future, const char *call)
{
    if (future == NULL)
        return async_fail(-EINVAL, "%s: the future is NULL", call);
    task_check(future, call, false);
    loop_check_handler(future->loop, call);
    if (task_done(future))
        return -EALREADY;
    return task_is_future(future) ? 0 : async_fail(-EINVAL, "%s: it is a task, not a future", call);
}

int async_future_set_result(async_future *future, int result)
{
    int error = result < 0
                    ? async_fail(
                          -EINVAL,
                          "async_future_set_result: %d is negative; use async_future_set_exception",
                          result)
                    : check_pending(future, "async_future_set_result");
    if (error == 0)
        asyncp_future_settle(future, result);
    return error;
}

int async_future_set_exception(async_future *future, int code, const char *format, ...)
{
    int error =
        code >= 0
            ? async_fail(-EINVAL,
                         "async_future_set_exception: %d is not an error code; it must be negative",
                         code)
            : check_pending(future, "async_future_set_exception");
    if (error < 0)
        return error;
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        future->message = asyncp_error_message_new(&future->loop->memory, code, format, arguments);
        va_end(arguments);
    }
    asyncp_future_settle(future, code);
    return 0;
}
