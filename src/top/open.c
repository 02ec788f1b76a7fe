/*
 * top/open.c: opens a loop, and sets up the reports about it: the observer, if a limit is set, and
 * the additions to the message of an abort.
 */
#include "top/open.h"
#include "loop/tracing.h"
#include "sched/sched.h"
#include "sys/report.h"
#include "top/flight.h"
#include "top/hooks.h"
#include "top/observer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds; 0: the loop is not observed, unless it is in debug mode. */
static double watchdog_of(const async_run_options *options)
{
    const char *text = secure_getenv("ASYNCIO_WATCHDOG");
    char *end;
    if (options != NULL && options->watchdog > 0)
        return options->watchdog;
    if (text == NULL || *text == 0)
        return 0;
    double seconds = strtod(text, &end);
    if (end != text && *end == 0 && seconds >= 0)
        return seconds;
    asyncp_report("ASYNCIO_WATCHDOG=%s: a limit is a number of seconds", text);
    return 0;
}

/* Unless the message names the task already. */
static void name_running_task(const char *message)
{
    const struct async_loop *loop = asyncp_current;
    const struct coroutine *running = loop != NULL ? loop_running(loop) : NULL;
    char name[32];
    if (running == NULL || running->task == NULL)
        return;
    snprintf(name, sizeof name, "task #%llu '", (unsigned long long)running->task->id);
    if (strstr(message, name) == NULL)
        asyncp_print(STDERR_FILENO, "asyncio: in %s\n", asyncp_label(running->task).text);
}

int asyncp_open(struct async_loop **out, const async_run_options *options, bool hosted)
{
    int result = asyncp_loop_open(out, options, hosted, &loop_hooks);
    if (result < 0)
        return result;
    asyncp_add_place(name_running_task);
    if (loop_is_traced(*out) && asyncp_flight_is_wanted())
        asyncp_flight_before_abort();
    double seconds = watchdog_of(options);
    if (seconds > 0 || loop_is_debug(*out))
        asyncp_observe(*out, asyncp_nanoseconds(seconds));
    return result;
}
