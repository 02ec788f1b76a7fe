/* top/open.c: opens a loop, and has it observed if a limit is set. */
#include "top/open.h"
#include "loop/tracing.h"
#include "top/flight.h"
#include "top/hooks.h"
#include "top/observer.h"
#include <stdlib.h>

/* Seconds; 0: the loop is not observed, unless it is in debug mode. */
static double watchdog_of(const async_run_options *options)
{
    const char *seconds = getenv("ASYNCIO_WATCHDOG");
    if (options != NULL && options->watchdog > 0)
        return options->watchdog;
    double value = seconds != NULL ? strtod(seconds, NULL) : 0;
    return value > 0 ? value : 0;
}

int asyncp_open(struct async_loop **out, const async_run_options *options, bool hosted)
{
    int result = asyncp_loop_open(out, options, hosted, &loop_hooks);
    if (result < 0)
        return result;
    if (loop_is_traced(*out) && asyncp_flight_is_wanted())
        asyncp_flight_before_abort();
    double seconds = watchdog_of(options);
    if (seconds > 0 || loop_is_debug(*out))
        asyncp_observe(*out, asyncp_nanoseconds(seconds));
    return result;
}
