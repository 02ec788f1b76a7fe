/*
 * sched/handler.c: errors that no call can return. They go to the exception handler of the loop, or
 * in one line to standard error. The handler is called at once, without a current task, so it
 * cannot wait.
 */
#include "sched/sched.h"
#include "sys/report.h"
#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_SIZE = 640 }; /* fits a task's label, an error message and some words */

static void report_context(const async_exception_context *context)
{
    asyncp_report("%s", context->message != NULL ? context->message : "an unhandled error");
}

/* The handler borrows the task of the error. */
static void call_handler(struct async_loop *loop, const async_exception_context *context)
{
    struct coroutine *running = loop_running(loop);
    struct async_task *task = context->task;
    uint32_t references = task != NULL ? ++task->references : 0;
    loop->sched.current = NULL;
    loop->errors.handler(loop, context, loop->errors.context);
    loop->sched.current = running;
    if (task == NULL)
        return;
    ENSURE(task->references == references,
           "an exception handler kept or released the task that it only borrows");
    task->references--;
}

void async_loop_call_exception_handler(async_loop *loop, const async_exception_context *context)
{
    if (loop == NULL || context == NULL)
        return;
    ENSURE(loop == asyncp_current,
           "async_loop_call_exception_handler: this is not the calling thread's loop");
    if (loop->errors.handler != NULL)
        call_handler(loop, context);
    else
        report_context(context);
}

void asyncp_report_error(struct async_loop *loop, struct async_task *task, int code,
                         const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    async_exception_context context = {.message = message, .task = task, .code = code};
    async_loop_call_exception_handler(loop, &context);
}

void async_loop_set_exception_handler(async_loop *loop, async_exception_handler *function,
                                      void *context)
{
    if (loop == NULL)
        return;
    ENSURE(loop == asyncp_current,
           "async_loop_set_exception_handler: this is not the calling thread's loop");
    loop->errors.handler = function;
    loop->errors.context = context;
}
