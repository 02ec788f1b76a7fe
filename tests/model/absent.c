/*
 * model/absent.c: rooms of the loop that the model does not have: deadlocks, counters, and traces.
 * They decide nothing about messages between threads.
 */
#include "loop/loop.h"
#include "loop/tracing.h"
#include "sched/sched.h"
#include "sys/thread.h"
#include "sys/thread_state.h"
#include "sys/probe.h"
#include "explore.h"

#include <stdlib.h>

int64_t asyncp_deadlock_until_next_look(const struct async_loop *loop)
{
    (void)loop;
    return -1;
}

enum deadlock_kind asyncp_deadlock_kind(struct async_loop *loop)
{
    (void)loop;
    return DEADLOCK_NONE;
}

bool asyncp_deadlock_handle(struct async_loop *loop, enum deadlock_kind kind)
{
    (void)loop, (void)kind;
    violated("the model has no deadlock");
    return false;
}

/* Counters decide nothing. */
void asyncp_metrics_sleep(struct async_loop *loop, int64_t now_ns)
{
    (void)loop, (void)now_ns;
}

void asyncp_metrics_poll(struct async_loop *loop, int64_t now_ns)
{
    (void)loop, (void)now_ns;
}

void asyncp_metrics_leave(struct async_loop *loop)
{
    (void)loop;
}

void asyncp_metrics_fire(struct async_loop *loop, int64_t late_ns)
{
    (void)loop, (void)late_ns;
}

/* The loop is not traced. */
int asyncp_flight_write(struct async_loop *loop, enum timeline_end why)
{
    (void)loop, (void)why;
    return 0;
}

void asyncp_tracing_use_probes(struct async_loop *loop)
{
    (void)loop;
    abort();
}

volatile uint16_t asyncp_probe_users;

void asyncp_tracer_node_begins(struct async_loop *loop)
{
    (void)loop;
    abort();
}

void asyncp_tracer_deferred_begins(struct async_loop *loop)
{
    (void)loop;
    abort();
}

void asyncp_tracer_node_ended(struct async_loop *loop)
{
    (void)loop;
    abort();
}

void asyncp_tracer_sleeps(struct async_loop *loop, unsigned flags)
{
    (void)loop, (void)flags;
    abort();
}

void asyncp_tracer_shuffles(struct async_loop *loop)
{
    (void)loop;
    abort();
}

void asyncp_tracer_has_shuffled(struct async_loop *loop)
{
    (void)loop;
    abort();
}

/* Debug mode is off, so no task ignores its cancellation. */
struct async_task *asyncp_task_find(struct async_loop *loop, uint64_t id)
{
    (void)loop, (void)id;
    return NULL;
}

/* No thread takes samples. */
void asyncp_sys_sampling_leave(int number)
{
    (void)number;
}

/* Of debug mode. */
struct thread_usage asyncp_sys_thread_usage(void)
{
    abort();
}
