/*
 * trace.h: a trace that a test writes while its tasks run, so that one comparison at the end checks
 * the events and their order. Each case is a process and has one trace.
 */
#ifndef TEST_TRACE_H
#define TEST_TRACE_H

#include "run/runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char trace_text[1024]; /* the entries since the last check, separated by blanks */

/* Adds an entry. */
__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
    size_t used = strlen(trace_text);
    va_list arguments;
    CHECK(used + 80 < sizeof trace_text);
    if (used > 0)
        trace_text[used++] = ' ';
    va_start(arguments, format);
    vsnprintf(trace_text + used, sizeof trace_text - used, format, arguments);
    va_end(arguments);
}

/* A callback that writes its argument down, a string. */
static inline void note_argument(void *text)
{
    note("%s", (const char *)text);
}

/* A coroutine that writes a name down. */
ASYNC_UNUSED static int note_name(const char *name)
{
    note("%s", name);
    return 0;
}
async_fn(note_name, const char *);

/* A coroutine that sleeps, and writes its result down. */
ASYNC_UNUSED static int note_result_after(double seconds, int result)
{
    ASYNC_TRY(async_sleep(seconds));
    note("%d", result);
    return result;
}
async_fn(note_result_after, double, int);

/* A coroutine that sleeps, and writes a name down. */
ASYNC_UNUSED static int note_name_after(double seconds, const char *name)
{
    ASYNC_TRY(async_sleep(seconds));
    note("%s", name);
    return 0;
}
async_fn(note_name_after, double, const char *);

/* An exception handler that writes down which error was never retrieved. */
ASYNC_UNUSED static void note_exception(async_loop *loop, const async_exception_context *error,
                                        void *unused)
{
    (void)loop, (void)unused;
    note("%d", error->code);
}

static inline void trace_check(const char *file, int line, const char *expected)
{
    test_check_text(file, line, "the trace", trace_text, expected);
    trace_text[0] = '\0';
}

/* CHECK_TRACE("a b c"): exactly these entries were made since the last check, in this order. */
#define CHECK_TRACE(expected) trace_check(__FILE__, __LINE__, (expected))

#endif
