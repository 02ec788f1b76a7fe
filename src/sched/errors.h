/*
 * sched/errors.h: errors that no call can return, and the texts returned by async_strerror.
 */
#ifndef SCHED_ERRORS_H
#define SCHED_ERRORS_H

#include "base/text.h"
#include <asyncio/loop.h>

struct error_log {
    async_exception_handler *handler; /* NULL: standard error */
    void *context;
    struct text_table texts; /* kept until the loop is closed */
};

void asyncp_errors_open(struct async_loop *loop);
void asyncp_errors_close(struct async_loop *loop);

/*
 * Passes an error to the exception handler, or to standard error. task: the failed task; NULL:
 * none.
 */
void asyncp_report_error(struct async_loop *loop, struct async_task *task, int code,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
