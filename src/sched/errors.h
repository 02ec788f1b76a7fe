/*
 * sched/errors.h: errors that no call can return, and the error messages that async_strerror has
 * returned.
 */
#ifndef SCHED_ERRORS_H
#define SCHED_ERRORS_H

#include "base/text.h"
#include <asyncio/loop.h>

struct error_log {
    async_exception_handler *handler; /* NULL: standard error */
    void *context;                    /* of the handler */
    struct text_table texts;          /* kept as long as the loop */
};

void asyncp_errors_open(struct async_loop *loop);
void asyncp_errors_close(struct async_loop *loop);

/* Passes an error, of a task or (NULL) of none, to the exception handler or to standard error. */
void asyncp_tell(struct async_loop *loop, struct async_task *task, int code, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

#endif
