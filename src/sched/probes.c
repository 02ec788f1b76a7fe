/*
 * sched/probes.c: one place for each probe. A task that has ended may have freed its own name, so
 * the probe has the name of its function.
 */
#include "sched/probes.h"
#include "sched/task.h"
#include "sched/wait.h"
#include "sys/probe.h"

void asyncp_probe_ready(const struct ready *node)
{
    const struct coroutine *self = coroutine_of_ready((struct ready *)node);
    if (self->wait != NULL)
        PROBE(wake, self->task->id, self->task->name, self->wait->call, self->wait->object);
    else
        PROBE(create, self->task->id, self->task->name, self->task->where, 0);
}

void asyncp_probe_run(const struct async_task *task)
{
    PROBE(run, task != NULL ? task->id : 0, task != NULL ? task->name : "a callback", 0, 0);
}

void asyncp_probe_stop(const struct coroutine *self)
{
    const struct async_task *task = self->task;
    if (task->coroutine != self)
        PROBE(end, task->id, self->function->name, (intptr_t)task->result, 0);
    else if (self->wait != NULL)
        PROBE(wait, task->id, task->name, self->wait->call, self->wait->object);
    else
        PROBE(yield, task->id, task->name, 0, 0);
}

void asyncp_probe_pause(const struct async_task *task)
{
    PROBE(pause, task != NULL ? task->id : 0, task != NULL ? task->name : "a callback", 0, 0);
}
