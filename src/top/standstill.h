/* top/standstill.h: reports that list all tasks: of a deadlock, and on request. */
#ifndef TOP_STANDSTILL_H
#define TOP_STANDSTILL_H

#include "sched/deadlock.h"

/*
 * Whether a report may be made on a new thread. Not in a child of a process with threads under
 * ThreadSanitizer, to which each task is a thread, or under qemu-user: it would end the process.
 */
bool asyncp_may_start_thread(void);

/* Writes the tasks of all loops as trees, and their cycles. */
void asyncp_print_tasks(int fd);

/* Writes the tasks of the loop as trees, their cycles, and hints. */
void asyncp_report_deadlock(struct async_loop *loop, enum deadlock_kind kind);

#endif
