/*
 * sched/probes.h: the static probes of tasks, for bpftrace and others: sys/probe.h. Each has the
 * arguments id, name, and two more. docs/debugging.md lists them.
 */
#ifndef SCHED_PROBES_H
#define SCHED_PROBES_H

struct async_task;
struct coroutine;
struct ready;

/* A node of the ready queue: a task that was woken or is new. */
void asyncp_probe_ready(const struct ready *node);

/* NULL: a callback. */
void asyncp_probe_run(const struct async_task *task);

/* The running task stops: it waits, yields, or has ended. */
void asyncp_probe_stop(const struct coroutine *self);

/* The running task starts another one, which it has created; or a callback has ended (NULL). */
void asyncp_probe_pause(const struct async_task *task);

#endif
