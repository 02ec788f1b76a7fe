/*
 * sys/report.c: what the library says to people, on standard error, one line in one write, if the
 * kernel takes it so. The text is formatted on the stack of whoever speaks, and a task's stack is
 * small: 1 KiB is the most it may take.
 */
#include "sys/assert.h"
#include "sys/sys.h"
#include <asyncio/base.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

/* All of it, unless nobody takes it. */
static void write_whole(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = asyncp_sys_write(fd, text, size);
        if (written <= 0 && written != -EINTR)
            return;
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
}

/* Formats before + text + after into line[0..LINE_SIZE); returns the length. */
static size_t format_line(char *line, const char *before, const char *format, va_list arguments,
                          const char *after)
{
    size_t used = strlen(before);
    size_t room = LINE_SIZE - used - strlen(after);
    memcpy(line, before, used);
    int length = vsnprintf(line + used, room, format, arguments);
    if (length > 0)
        used += (size_t)length < room ? (size_t)length : room - 1;
    memcpy(line + used, after, strlen(after) + 1);
    return used + strlen(after);
}

void asyncp_report(const char *format, ...)
{
    char line[LINE_SIZE + 1];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_line(line, "asyncio: ", format, arguments, "\n");
    va_end(arguments);
    write_whole(STDERR_FILENO, line, length);
}

void asyncp_print(int fd, const char *format, ...)
{
    char line[LINE_SIZE + 1];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_line(line, "", format, arguments, "");
    va_end(arguments);
    write_whole(fd, line, length);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static _Atomic(void *) misuse_context;
static void (*_Atomic misuse_handler)(const char *message, void *context);

void async_set_misuse_handler(void (*handler)(const char *message, void *context), void *context)
{
    atomic_store(&misuse_handler, NULL); /* no handler is called with the context of another */
    atomic_store(&misuse_context, context);
    atomic_store(&misuse_handler, handler);
}

/* Writes the line and calls the handler, once: it may misuse the library in turn. */
static _Noreturn void end_program(char *line, size_t length)
{
    static const size_t PREFIX = sizeof "asyncio: " - 1;
    write_whole(STDERR_FILENO, line, length);
    void (*handler)(const char *, void *) = atomic_exchange(&misuse_handler, NULL);
    line[length - 1] = '\0';
    if (handler != NULL)
        handler(line + PREFIX, atomic_load(&misuse_context));
    abort();
}

_Noreturn void asyncp_misuse(const char *format, ...)
{
    char line[LINE_SIZE + 1];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_line(line, "asyncio: ", format, arguments, "\n");
    va_end(arguments);
    end_program(line, length);
}

_Noreturn void asyncp_broken(const char *condition, const char *where)
{
    asyncp_misuse("%s: assertion failed: %s; this is a bug in the library", where, condition);
}

const char *async_version(void)
{
    return ASYNCP_TEXT(ASYNC_VERSION_MAJOR) "." ASYNCP_TEXT(ASYNC_VERSION_MINOR) "." ASYNCP_TEXT(
        ASYNC_VERSION_PATCH);
}
