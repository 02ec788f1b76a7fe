/*
 * sched/handler.c: errors that nobody can be given any more, and what else a program sets on a
 * loop: debug mode, and what counts as slow. Such errors go to the loop's exception handler, or in
 * one line to standard error. The handler is called in the midst of things, as callbacks are not,
 * and yet like a callback has no task to stop.
 */
#include "sched/loop.h"
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
    struct coroutine *running = loop->current;
    struct async_task *task = context->task;
    uint32_t references = task != NULL ? ++task->references : 0;
    loop->current = NULL;
    loop->exception_handler(loop, context, loop->exception_context);
    loop->current = running;
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
    if (loop->exception_handler != NULL)
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
    loop->exception_handler = function;
    loop->exception_context = context;
}

/* A stack is laid open for those who look closely only while somebody does. */
void async_loop_set_debug(async_loop *loop, bool debug)
{
    if (loop == NULL)
        return;
    ENSURE(loop == asyncp_current, "async_loop_set_debug: this is not the calling thread's loop");
    loop->debug = debug;
    loop->watched = debug || tools_under_valgrind();
    asyncp_set_beginning(loop);
    if (debug)
        atomic_fetch_or(&loop->attention, ATTENTION_DEBUG);
    else
        atomic_fetch_and(&loop->attention, ~(uint32_t)ATTENTION_DEBUG);
}

bool async_loop_get_debug(const async_loop *loop)
{
    return loop != NULL && loop->debug;
}

int async_loop_set_slow_callback_duration(async_loop *loop, double seconds)
{
    if (loop == NULL || seconds != seconds)
        return -EINVAL;
    ENSURE(loop == asyncp_current,
           "async_loop_set_slow_callback_duration: this is not the calling thread's loop");
    loop->slow_ns = seconds > 0 ? asyncp_nanoseconds(seconds) : 0;
    return 0;
}
