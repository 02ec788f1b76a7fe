/*
 * net/report.h: failures that no caller can be told, because the connection or the server is gone.
 */
#ifndef NET_REPORT_H
#define NET_REPORT_H

#include "base/text.h"
#include "sched/sched.h"

/* In debug mode, if error is negative: what could not be done, and why. */
static inline void report_failure(const struct async_loop *loop, int error, const char *what)
{
    char why[80];
    if (error >= 0 || !loop_is_debug(loop))
        return;
    asyncp_describe(why, sizeof why, error, NULL);
    asyncp_report("%s failed: %s", what, why);
}

#endif
