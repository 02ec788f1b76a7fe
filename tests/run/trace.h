/*
 * trace.h: what a test writes down while its tasks run, so that one comparison at the end tells
 * what happened and in which order. A process has one journal, because each case has a process of
 * its own.
 */
#ifndef TEST_JOURNAL_H
#define TEST_JOURNAL_H

#include "run/runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char journal_text[1024]; /* the entries since the last look, with a blank between two */

/* Adds an entry. */
__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
    size_t used = strlen(journal_text);
    va_list arguments;
    CHECK(used + 80 < sizeof journal_text);
    if (used > 0)
        journal_text[used++] = ' ';
    va_start(arguments, format);
    vsnprintf(journal_text + used, sizeof journal_text - used, format, arguments);
    va_end(arguments);
}

/* A callback that writes its argument down, a string. */
static inline void note_argument(void *text)
{
    note("%s", (const char *)text);
}

static inline void journal_check(const char *file, int line, const char *expected)
{
    test_check_text(file, line, "the journal", journal_text, expected);
    journal_text[0] = '\0';
}

/* CHECK_JOURNAL("a b c"): exactly these entries were made since the last look, in this order. */
#define CHECK_JOURNAL(expected) journal_check(__FILE__, __LINE__, (expected))

#endif
