/*
 * check.c: the checks of a test and their messages. A message is written at once, because a test
 * that has failed may crash soon.
 */
#include "kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void say(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    vdprintf(report_fd(), format, arguments);
    va_end(arguments);
    dprintf(report_fd(), "\n");
}

/* Where a check was made, for its message. */
static void name_place(char *text, size_t size)
{
    const async_task *task = async_current_task();
    if (task != NULL)
        snprintf(text, size, "in task #%llu %s", (unsigned long long)async_task_id(task),
                 async_task_name(task));
    else
        snprintf(text, size, "%s", async_get_loop() != NULL ? "in a callback" : "outside the loop");
}

bool check_failed(const char *file, int line, const char *format, ...)
{
    enum { MAX_PLACE = 128, MAX_CLAIM = 1024 };
    char place[MAX_PLACE], claim[MAX_CLAIM];
    struct run *run = run_current();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(claim, sizeof claim, format, arguments);
    va_end(arguments);
    name_place(place, sizeof place);
    calls_arm(false);
    say("%s:%d: %s (%s)", file, line, claim, place);
    if (async_get_loop() != NULL)
        asyncp_report_tasks();
    if (run_is_own_process())
        process_end(STATUS_FAILED);
    if (run != NULL && !run->has_failed && run->supervisor != NULL)
        async_task_cancel_because(run->supervisor, "a check failed");
    if (run != NULL)
        run->has_failed = true;
    else
        run_fail_elsewhere();
    return false;
}

bool asyncp_test_check(bool passed, const char *claim, const char *file, int line)
{
    return passed || check_failed(file, line, "check failed: %s", claim);
}

bool asyncp_test_equal(long long a, long long b, const char *claim, const char *file, int line)
{
    return a == b || check_failed(file, line, "check failed: %s: %lld != %lld", claim, a, b);
}

bool asyncp_test_text(const char *a, const char *b, const char *claim, const char *file, int line)
{
    if (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0))
        return true;
    return check_failed(file, line, "check failed: %s: %s%s%s != %s%s%s", claim,
                        a == NULL ? "" : "\"", a == NULL ? "NULL" : a, a == NULL ? "" : "\"",
                        b == NULL ? "" : "\"", b == NULL ? "NULL" : b, b == NULL ? "" : "\"");
}

/* ---- switches ------------------------------------------------------------------------------- */

void asyncp_test_call_begin(struct asyncp_test_call *call)
{
    struct run *run = run_of_loop();
    if (run == NULL)
        return;
    *call = (struct asyncp_test_call){asyncp_loop_turn(run->loop), async_current_task(),
                                      run->calls};
    run->calls = call;
}

int asyncp_test_call_end(int result, bool must_switch, const char *claim, const char *file,
                         int line)
{
    struct run *run = run_of_loop();
    struct asyncp_test_call **place = run != NULL ? &run->calls : NULL;
    while (place != NULL && *place != NULL && (*place)->task != async_current_task())
        place = &(*place)->outer;
    if (place == NULL || *place == NULL) {
        check_failed(file, line, "%s: not in a task of a test", claim);
        return result;
    }
    bool has_switched = (*place)->turn != asyncp_loop_turn(run->loop);
    *place = (*place)->outer;
    if (has_switched != must_switch)
        check_failed(file, line,
                     must_switch ? "check failed: %s must switch, and did not"
                                 : "check failed: %s must not switch, and did",
                     claim);
    return result;
}
