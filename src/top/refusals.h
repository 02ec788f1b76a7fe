/* top/refusals.h: the report about a task that ignores its cancellation, in debug mode. */
#ifndef TOP_REFUSALS_H
#define TOP_REFUSALS_H

struct async_task;

/* The task stands still after its last refused call. On the loop's stack; allocates memory. */
void asyncp_report_refusals(const struct async_task *task);

#endif
