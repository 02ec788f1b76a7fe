/*
 * sys/report.c: messages of the library. A line is written with one write(2) if the kernel takes it
 * whole.
 */
#include "sys/report.h"
#include "sys/assert.h"
#include "sys/file.h"
#include "sys/signals.h"
#include <asyncio/base.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

/* Formats before + text + after into line[0..LINE_SIZE). Returns the length. */
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
    asyncp_sys_write_all(STDERR_FILENO, line, length);
}

void asyncp_print(int fd, const char *format, ...)
{
    char line[LINE_SIZE + 1];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_line(line, "", format, arguments, "");
    va_end(arguments);
    asyncp_sys_write_all(fd, line, length);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static _Atomic(void *) misuse_context;
static void (*_Atomic misuse_handler)(const char *message, void *context);

void async_set_misuse_handler(void (*handler)(const char *message, void *context), void *context)
{
    atomic_store(&misuse_handler, NULL); /* never pair a handler with another one's context */
    atomic_store(&misuse_context, context);
    atomic_store(&misuse_handler, handler);
}

static void (*_Atomic last_function)(void);
static atomic_uint last_seconds;

void asyncp_before_abort(void (*function)(void), unsigned seconds)
{
    atomic_store(&last_seconds, seconds);
    atomic_store(&last_function, function);
}

static void call_last_function(void)
{
    void (*last)(void) = atomic_exchange(&last_function, NULL);
    if (last == NULL)
        return;
    struct sys_alarm before; /* the misuse handler may go on by longjmp */
    asyncp_sys_abort_after(atomic_load(&last_seconds), &before);
    last();
    asyncp_sys_cancel_abort(&before);
}

static void (*_Atomic add_place)(const char *message);

void asyncp_add_place(void (*function)(const char *message))
{
    atomic_store(&add_place, function);
}

/* Calls each function only once: it may misuse the library itself. */
static _Noreturn void end_process(char *line, size_t length)
{
    static const size_t PREFIX = sizeof "asyncio: " - 1;
    void (*place)(const char *) = atomic_load(&add_place);
    asyncp_sys_write_all(STDERR_FILENO, line, length);
    if (place != NULL)
        place(line);
    call_last_function();
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
    end_process(line, length);
}

_Noreturn void asyncp_broken(const char *condition, const char *where)
{
    asyncp_misuse("%s: assertion failed: %s; this is a bug in the library", where, condition);
}
