/*
 * sched/error.c: error messages. async_fail stores one in the running task, a join moves it to the
 * awaiting task, and async_strerror shows it for its code.
 */
#include "sched/current.h"
#include "sched/worker.h"
#include <limits.h>
#include <stdio.h>

/*
 * The slot for the error message of the running task or job, and the allocator of its messages.
 * NULL: neither runs.
 */
static struct error_message **message_slot(const async_allocator **memory)
{
    struct async_loop *loop = asyncp_current;
    if (loop == NULL && asyncp_worker != NULL) {
        *memory = &asyncp_malloc;
        return &asyncp_worker->message;
    }
    if (loop == NULL)
        loop = asyncp_standing_loop(); /* in a child of fork() */
    if (loop == NULL || loop_running(loop) == NULL)
        return NULL;
    *memory = &loop->memory;
    return &loop_running(loop)->message;
}

int async_fail(int code, const char *format, ...)
{
    const async_allocator *memory;
    struct error_message **place = message_slot(&memory);
    if (place == NULL || format == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    struct error_message *message = asyncp_error_message_new(memory, code, format, arguments);
    va_end(arguments);
    asyncp_error_message_free(memory, *place);
    *place = message; /* if memory is out: only the code remains */
    return code;
}

int async_fail_errno(int code, const char *format, ...)
{
    char text[MAX_ERROR_MESSAGE_BYTES];
    if (code >= 0 || code == INT_MIN || format == NULL)
        return code;
    const char *meaning = asyncp_error_text(code);
    if (meaning == NULL)
        meaning = "Unknown error";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t meaning_size = strlen(meaning), room = MAX_ERROR_MESSAGE_BYTES - sizeof ": ";
    return async_fail(code, "%.*s: %s", meaning_size < room ? (int)(room - meaning_size) : 0, text,
                      meaning);
}

int asyncp_fail_plainly(struct async_loop *loop, int code)
{
    struct error_message *last = loop_running(loop)->message;
    if (last != NULL && last->code == code) {
        asyncp_error_message_free(&loop->memory, last);
        loop_running(loop)->message = NULL;
    }
    return code;
}

int asyncp_fail_no_task(const char *call)
{
    return async_fail(
        -ENOMEM, "%s: the task is NULL: it was never created, or memory was exhausted then", call);
}

/*
 * The last message of the running task. For -ECANCELED without one, the reason of the cancellation.
 */
static const struct error_message *running_message(int code)
{
    const async_allocator *memory;
    struct error_message **place = message_slot(&memory);
    const struct error_message *last = place != NULL ? *place : NULL;
    const struct async_loop *loop = asyncp_current;
    bool use_reason = code == -ECANCELED && (last == NULL || last->code != code);
    return use_reason && loop != NULL && loop_running(loop) != NULL ? loop_running(loop)->reason
                                                                    : last;
}

int async_strerror_copy(int code, char *text, size_t size)
{
    return asyncp_error_describe(text, size, code, running_message(code));
}

/*
 * The text if no loop can store it: a constant, or, for a code without a name, valid until the next
 * call on this thread.
 */
static const char *constant_text(int code)
{
    enum { UNNAMED_SIZE = 80 };
    static __thread char unnamed[UNNAMED_SIZE];
    const char *meaning = asyncp_error_meaning(code);
    if (meaning != NULL)
        return meaning;
    asyncp_error_describe(unnamed, sizeof unnamed, code, NULL);
    return unnamed;
}

const char *async_strerror(int code)
{
    char text[MAX_ERROR_MESSAGE_BYTES + 32];
    const struct error_message *message = running_message(code);
    if (asyncp_current == NULL || message == NULL || message->code != code)
        return constant_text(code);
    asyncp_error_describe(text, sizeof text, code, message);
    const char *kept = asyncp_text_keep(&asyncp_current->errors.texts, text);
    return kept != NULL ? kept : constant_text(code);
}

void asyncp_errors_open(struct async_loop *loop)
{
    loop->errors.texts.memory = loop->memory;
}

void asyncp_errors_close(struct async_loop *loop)
{
    asyncp_text_close(&loop->errors.texts);
}
