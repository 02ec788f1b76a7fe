/*
 * net/report.h: failures that no call can return, because the connection or the server is gone.
 */
#ifndef NET_REPORT_H
#define NET_REPORT_H

#include "base/text.h"
#include "sched/sched.h"
#include "sys/report.h"

/* In debug mode, reports a negative error of an action. */
static inline void report_failure(const struct async_loop *loop, int error, const char *action)
{
    char why[80];
    if (error >= 0 || !loop_is_debug(loop))
        return;
    asyncp_error_describe(why, sizeof why, error, NULL);
    asyncp_report("%s failed: %s", action, why);
}

#endif
