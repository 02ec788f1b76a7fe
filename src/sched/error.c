/*
 * sched/error.c: sentences about errors on their way: async_fail leaves one in the running task,
 * a join brings the awaited task's along, async_strerror shows it to whoever asks about that code.
 */
#include "sched/errand.h"
#include "sched/fork.h"
#include <limits.h>
#include <stdio.h>

/*
 * Where whoever runs keeps its sentence, from that memory: a task, or a function on a worker
 * thread. NULL: nobody.
 */
static struct error_message **running_place(const async_allocator **memory)
{
    struct async_loop *loop = asyncp_current;
    if (loop == NULL && asyncp_errand != NULL) {
        *memory = &asyncp_malloc;
        return &asyncp_errand->sentence;
    }
    if (loop == NULL)
        loop = asyncp_standing_loop(); /* in a child of fork() */
    if (loop == NULL || loop->current == NULL)
        return NULL;
    *memory = &loop->memory;
    return &loop->current->sentence;
}

int async_fail(int code, const char *format, ...)
{
    const async_allocator *memory;
    struct error_message **place = running_place(&memory);
    if (place == NULL || format == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    struct error_message *sentence = asyncp_error_message_new(memory, code, format, arguments);
    va_end(arguments);
    asyncp_error_message_free(memory, *place);
    *place = sentence; /* NULL when memory is out: the code still tells */
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

/*
 * What the running task knows of that error, if anything: what was said last, or why it is
 * cancelled.
 */
static const struct error_message *running_sentence(int code)
{
    const async_allocator *memory;
    struct error_message **place = running_place(&memory);
    const struct error_message *said = place != NULL ? *place : NULL;
    const struct async_loop *loop = asyncp_current;
    bool asked_why = code == -ECANCELED && (said == NULL || said->code != code);
    return asked_why && loop != NULL && loop->current != NULL ? loop->current->reason : said;
}

int async_strerror_copy(int code, char *text, size_t size)
{
    return asyncp_error_describe(text, size, code, running_sentence(code));
}

/*
 * The text when there is no loop that could keep it: a constant, or for a code without a name this
 * thread's last.
 */
static const char *plain_text(int code)
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
    const struct error_message *sentence = running_sentence(code);
    if (asyncp_current == NULL || sentence == NULL || sentence->code != code)
        return plain_text(code);
    asyncp_error_describe(text, sizeof text, code, sentence);
    const char *kept = asyncp_text_keep(&asyncp_current->texts, text);
    return kept != NULL ? kept : plain_text(code);
}
