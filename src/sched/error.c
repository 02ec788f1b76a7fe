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
static struct sentence **running_place(const async_allocator **memory)
{
    struct async_loop *loop = asyncp_current;
    if (loop == NULL && asyncp_errand != NULL) {
        *memory = &asyncp_malloc;
        return &asyncp_errand->sentence;
    }
    if (loop == NULL)
        loop = asyncp_standing_loop(); /* in a child of fork() */
    if (loop == NULL || loop_running(loop) == NULL)
        return NULL;
    *memory = &loop->memory;
    return &loop_running(loop)->sentence;
}

int async_fail(int code, const char *format, ...)
{
    const async_allocator *memory;
    struct sentence **place = running_place(&memory);
    if (place == NULL || format == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    struct sentence *sentence = asyncp_sentence_new(memory, code, format, arguments);
    va_end(arguments);
    asyncp_sentence_free(memory, *place);
    *place = sentence; /* NULL when memory is out: the code still tells */
    return code;
}

int async_fail_errno(int code, const char *format, ...)
{
    char text[SENTENCE_SIZE];
    if (code >= 0 || code == INT_MIN || format == NULL)
        return code;
    const char *meaning = asyncp_error_text(code);
    if (meaning == NULL)
        meaning = "Unknown error";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t meaning_size = strlen(meaning), room = SENTENCE_SIZE - sizeof ": ";
    return async_fail(code, "%.*s: %s", meaning_size < room ? (int)(room - meaning_size) : 0, text,
                      meaning);
}

/*
 * What the running task knows of that error, if anything: what was said last, or why it is
 * cancelled.
 */
static const struct sentence *running_sentence(int code)
{
    const async_allocator *memory;
    struct sentence **place = running_place(&memory);
    const struct sentence *said = place != NULL ? *place : NULL;
    const struct async_loop *loop = asyncp_current;
    bool asked_why = code == -ECANCELED && (said == NULL || said->code != code);
    return asked_why && loop != NULL && loop_running(loop) != NULL ? loop_running(loop)->reason
                                                                   : said;
}

int async_strerror_copy(int code, char *text, size_t size)
{
    return asyncp_describe(text, size, code, running_sentence(code));
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
    asyncp_describe(unnamed, sizeof unnamed, code, NULL);
    return unnamed;
}

const char *async_strerror(int code)
{
    char text[SENTENCE_SIZE + 32];
    const struct sentence *sentence = running_sentence(code);
    if (asyncp_current == NULL || sentence == NULL || sentence->code != code)
        return plain_text(code);
    asyncp_describe(text, sizeof text, code, sentence);
    const char *kept = asyncp_text_keep(&asyncp_current->errors.texts, text);
    return kept != NULL ? kept : plain_text(code);
}

void asyncp_errors_open(struct async_loop *loop)
{
    loop->errors.texts.memory = loop->memory;
}

void asyncp_errors_close(struct async_loop *loop)
{
    asyncp_text_close(&loop->errors.texts);
}
