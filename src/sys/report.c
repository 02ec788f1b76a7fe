/*
 * sys/report.c: what the library says to people, on standard error, one line in one write, if the
 * kernel takes it so. The text is formatted on the stack of whoever speaks, and a task's stack is
 * small: 1 KiB is the most it may take.
 */
#include "base/assert.h"
#include "sys/sys.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

/* All of it, unless nobody takes it. */
static void write_whole(int descriptor, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = asyncp_sys_write(descriptor, text, size);
        if (written <= 0 && written != -EINTR)
            return;
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
}

static void write_line(int descriptor, const char *before, const char *format, va_list arguments,
                       const char *after)
{
    char line[LINE_SIZE];
    size_t used = strlen(before);
    size_t room = sizeof line - used - strlen(after);
    memcpy(line, before, used);
    int length = vsnprintf(line + used, room, format, arguments);
    if (length > 0)
        used += (size_t)length < room ? (size_t)length : room - 1;
    memcpy(line + used, after, strlen(after));
    write_whole(descriptor, line, used + strlen(after));
}

void asyncp_report(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(STDERR_FILENO, "asyncio: ", format, arguments, "\n");
    va_end(arguments);
}

void asyncp_print(int descriptor, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(descriptor, "", format, arguments, "");
    va_end(arguments);
}

_Noreturn void asyncp_misuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(STDERR_FILENO, "asyncio: ", format, arguments, "\n");
    va_end(arguments);
    abort();
}

_Noreturn void asyncp_broken(const char *condition, const char *where)
{
    asyncp_report("%s: the library believed that %s; this is a bug in it", where, condition);
    abort();
}
