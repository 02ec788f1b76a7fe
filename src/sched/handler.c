/*
 * sched/handler.c: errors that no call can return. They go to the loop's exception handler, or in
 * one line to standard error. The handler runs at once, without a current task, so it cannot wait.
 */
#include "sched/sched.h"
#include <stdarg.h>
#include <stdio.h>

enum { TOLD_SIZE = 640 }; /* a label, a sentence, and some words */

static void report(const async_exception_context *context)
{
    asyncp_report("%s",
                  context->message != NULL ? context->message : "an error that nobody looked at");
}

/* A task that it is about is held meanwhile, so that it can be asked for its name. */
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
           "an exception handler kept or let go of the task that it is only lent");
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
        report(context);
}

void asyncp_tell(struct async_loop *loop, struct async_task *task, int code, const char *format,
                 ...)
{
    char message[TOLD_SIZE];
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
