/*
 * sched/tracer.h: records the turns of tasks: timeline/ring.h. While a loop is traced
 * (ATTENTION_TRACE), no task switches to the next one without asyncp_tracer_stop. So no code that
 * parks, wakes or switches knows of it.
 *
 * Which tasks a turn has made ready is had from the ready queue: the nodes behind the one that was
 * the last before.
 */
#ifndef SCHED_TRACER_H
#define SCHED_TRACER_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;
struct async_task;
struct context;
struct coroutine;
struct ready;
struct trace_event;
struct trace_ring;

struct tracer {
    struct trace_ring *ring;     /* NULL: not traced */
    struct trace_event *at;      /* where the next event is written */
    struct trace_event *full_at; /* from here on the next block is begun first */
    uint64_t origin;             /* the position of a place is its number less this one */
    struct ready **appended;     /* the link to what the ready queue gets after the last event */
    struct coroutine *running;   /* of the last RUN; NULL: none, or a callback */
    bool has_ticks;              /* the processor's counter can be used */
    bool is_probed;              /* probes are executed, too: see sched/probes.h */
    bool is_for_probes;          /* opened for a tool that uses them: not to be written */
    bool is_fast;                /* the counter is the clock, and no probe is executed */
};

/*
 * Traces the loop from now on, between turns; the ring has so many blocks. for_probes: only until
 * tools cease to use probes. 0 or -ENOMEM.
 */
int asyncp_tracer_open(struct async_loop *loop, uint32_t blocks, bool for_probes);
void asyncp_tracer_close(struct async_loop *loop);

/* Executes probes with each event, or no longer. */
void asyncp_tracer_probe(struct async_loop *loop, bool is_probed);

/*
 * In place of asyncp_loop_next: records why the running task stops, and the next one, if it may run
 * directly. Returns the context to switch to.
 */
struct context *asyncp_tracer_stop(struct async_loop *loop);

/* The same where traced_loop_goes_on. */
struct context *asyncp_tracer_go_on(struct async_loop *loop);

/* Before the first node of the ready queue is run on the loop's stack, and after it. */
void asyncp_tracer_node_begins(struct async_loop *loop);
void asyncp_tracer_node_ended(struct async_loop *loop);

/* Before a call that is no node of the ready queue; asyncp_tracer_node_ended follows. */
void asyncp_tracer_deferred_begins(struct async_loop *loop);

/* In the first turn of a task. It may have been started directly, by options.eager_start. */
void asyncp_tracer_task_begins(struct async_loop *loop, struct coroutine *self);

/* Before the loop sleeps, or handles a deadlock. Flags: timeline/ring.h. */
void asyncp_tracer_sleeps(struct async_loop *loop, unsigned flags);

/* Before and after the ready queue is shuffled. */
void asyncp_tracer_shuffles(struct async_loop *loop);
void asyncp_tracer_has_shuffled(struct async_loop *loop);

/* The task has got a name of its own. */
void asyncp_tracer_named(const struct async_task *task);

/* Takes another pair of readings of both clocks. */
void asyncp_tracer_read_clocks(struct async_loop *loop);

static inline const struct trace_ring *tracer_ring(const struct tracer *tracer)
{
    return tracer->ring;
}

static inline bool tracer_is_for_probes(const struct tracer *tracer)
{
    return tracer->is_for_probes;
}

static inline bool tracer_is_probed(const struct tracer *tracer)
{
    return tracer->is_probed;
}

#endif
