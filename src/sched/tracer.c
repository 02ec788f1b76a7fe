/*
 * sched/tracer.c: writes the events of a traced loop. Nothing here allocates, and nothing is
 * written but the ring: a reader in another process may copy it at any moment.
 */
#include "sched/park.h"
#include "sched/sched.h"
#include "sys/map.h"
#include "sys/ticks.h"
#include "timeline/ring.h"
#include <stdio.h>

static uint64_t read_ticks(const struct async_loop *loop)
{
    return loop->clock.is_virtual ? (uint64_t)loop->clock.now_ns
                                  : ticks_now(loop->tracer.ring->has_ticks != 0);
}

void asyncp_tracer_read_clocks(struct async_loop *loop)
{
    loop->tracer.ring->latest = (struct clock_pair){.ticks = read_ticks(loop),
                                                    .ns = asyncp_now(loop)};
}

int asyncp_tracer_open(struct async_loop *loop, uint32_t blocks)
{
    ASSERT((blocks & (blocks - 1)) == 0 && blocks <= MAX_RING_BLOCKS);
    struct trace_ring *ring = asyncp_sys_map(ring_bytes(blocks));
    if (ring == NULL)
        return -ENOMEM;
    ring->magic = RING_MAGIC;
    ring->version = RING_VERSION;
    ring->blocks = blocks;
    ring->is_virtual = loop->clock.is_virtual;
    ring->has_ticks = asyncp_sys_has_ticks();
    loop->tracer.ring = ring;
    asyncp_tracer_read_clocks(loop);
    ring->opened = ring->latest;
    loop_watch_stops(loop);
    loop_set_attention(loop, ATTENTION_TRACE);
    return 0;
}

void asyncp_tracer_close(struct async_loop *loop)
{
    struct trace_ring *ring = loop->tracer.ring;
    if (ring == NULL)
        return;
    loop->tracer.ring = NULL;
    asyncp_sys_unmap(ring, ring_bytes(ring->blocks));
}

/* ---- the ring -------------------------------------------------------------------------------- */

/* Leaves the rest of a block unused. Returns the position of the next one. */
OUT_OF_LINE static uint64_t begin_block(struct async_loop *loop, uint64_t position)
{
    struct trace_ring *ring = loop->tracer.ring;
    const uint64_t mask = (uint64_t)ring->blocks * BLOCK_EVENTS - 1;
    for (; position % BLOCK_EVENTS != 0; position++)
        ring->events[position & mask] = (struct trace_event){.kind = EVENT_FILLER};
    asyncp_tracer_read_clocks(loop);
    return position;
}

/* Writes an event, and its detail if it has one. */
static inline void put_event(struct async_loop *loop, struct trace_event event,
                             const struct trace_event *detail)
{
    struct trace_ring *ring = loop->tracer.ring;
    const uint64_t mask = (uint64_t)ring->blocks * BLOCK_EVENTS - 1;
    uint64_t position = atomic_load_explicit(&ring->position, memory_order_relaxed);
    if (unlikely(position % BLOCK_EVENTS >= BLOCK_EVENTS - 2))
        position = begin_block(loop, position);
    ring->events[position++ & mask] = event;
    if (detail != NULL)
        ring->events[position++ & mask] = *detail;
    atomic_store_explicit(&ring->position, position, memory_order_release);
}

static inline void put_plain(struct async_loop *loop, enum event_kind kind, uint64_t ticks,
                             const struct async_task *task)
{
    put_event(loop,
              (struct trace_event){.ticks = ticks,
                                   .task = task != NULL ? (uint32_t)task->id : 0,
                                   .kind = (uint8_t)kind},
              NULL);
}

void asyncp_tracer_named(const struct async_task *task)
{
    struct trace_ring *ring = task->loop->tracer.ring;
    if (ring == NULL)
        return;
    uint64_t number = atomic_load_explicit(&ring->names_written, memory_order_relaxed);
    struct trace_name *name = &ring->names[number % RING_NAMES];
    name->task = (uint32_t)task->id;
    snprintf(name->text, sizeof name->text, "%s", task->name);
    atomic_store_explicit(&ring->names_written, number + 1, memory_order_release);
}

/* ---- ready tasks ---------------------------------------------------------------------------- */

/* A task that was made ready: it is new, or its wait is over. */
static void put_ready(struct async_loop *loop, const struct coroutine *ready, uint64_t ticks)
{
    const struct wait *wait = ready->wait;
    struct trace_event event = {.ticks = ticks,
                                .task = (uint32_t)ready->task->id,
                                .kind = wait != NULL ? EVENT_WAKE : EVENT_CREATE};
    if (wait != NULL && wait->winner == NULL)
        event.flags = wait->result == -ECANCELED ? WAKE_CANCELLED
                      : wait->timer != NULL      ? WAKE_TIMER
                                                 : 0;
    put_event(loop, event, NULL);
}

/* Notes the end of the queue, up to which everything was recorded. */
static inline void note_end(struct async_loop *loop)
{
    const struct ready_queue *queue = &loop->sched.ready;
    loop->tracer.last = queue->first != NULL ? queue->last : NULL;
}

/* Records the nodes that were appended; `first` is the first of them. `self` has yielded. */
static void put_appended(struct async_loop *loop, struct ready *first, const struct coroutine *self,
                         uint64_t ticks)
{
    for (struct ready *node = first; node != NULL; node = node->next)
        if (node->run == NULL && coroutine_of_ready(node) != self)
            put_ready(loop, coroutine_of_ready(node), ticks);
    note_end(loop);
}

/* queue->last is undefined while the queue is empty: then all nodes are new. */
static struct ready *first_appended(const struct async_loop *loop)
{
    return loop->tracer.last != NULL ? loop->tracer.last->next : loop->sched.ready.first;
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* Also of a task that has ended, which may be a free record: its pool leaves these members. */
static void put_stop(struct async_loop *loop, const struct coroutine *self, uint64_t ticks)
{
    const struct async_task *task = self->task;
    struct trace_event event = {.ticks = ticks, .task = (uint32_t)task->id, .kind = EVENT_YIELD};
    struct trace_event detail = {.ticks = 0};
    if (task->coroutine != self) {
        event.kind = EVENT_END;
        event.result = (int16_t)(task->result > INT16_MAX ? INT16_MAX : task->result);
        detail.first = (uintptr_t)self->function->name;
        detail.second = (uintptr_t)task->where;
    } else if (self->wait != NULL) {
        event.kind = EVENT_WAIT;
        detail.first = (uintptr_t)self->wait->call;
        detail.second = (uintptr_t)self->wait->object;
    }
    put_event(loop, event, event.kind != EVENT_YIELD ? &detail : NULL);
}

static void put_run(struct async_loop *loop, struct coroutine *self, uint64_t ticks)
{
    loop->tracer.running = self;
    put_plain(loop, EVENT_RUN, ticks, self != NULL ? self->task : NULL);
}

/*
 * A task was started by its creator, which was put in front of the queue and runs on after it. So
 * the creator's node is not among the appended ones.
 */
OUT_OF_LINE static void put_eager_start(struct async_loop *loop, struct coroutine *self,
                                        uint64_t ticks)
{
    struct coroutine *creator = loop->tracer.running;
    if (creator != NULL) {
        struct ready *appended = loop->tracer.last != NULL ? loop->tracer.last->next
                                                           : creator->ready.next;
        put_appended(loop, appended, creator, ticks);
        put_plain(loop, EVENT_CREATE, ticks, self->task);
        put_plain(loop, EVENT_START, ticks, creator->task);
    }
    put_run(loop, self, ticks);
}

void asyncp_tracer_task_begins(struct async_loop *loop, struct coroutine *self)
{
    if (loop->tracer.running != self)
        put_eager_start(loop, self, read_ticks(loop));
}

/* As loop_goes_on, apart from the tracer's own flag. */
static bool traced_loop_goes_on(const struct async_loop *loop)
{
    const struct ready *next = loop->sched.ready.first;
    return next != NULL && next->run == NULL && loop->sched.turns_left > 0 &&
           atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) == ATTENTION_TRACE;
}

struct context *asyncp_tracer_stop(struct async_loop *loop)
{
    struct coroutine *self = loop->sched.current;
    struct context *next = &loop->sched.context;
    uint64_t ticks = read_ticks(loop);
    if (unlikely(loop->tracer.running != self)) /* an offloaded job was started eagerly */
        put_eager_start(loop, self, ticks);
    put_appended(loop, first_appended(loop), self, ticks);
    put_stop(loop, self, ticks);
    loop->tracer.running = loop->sched.current = NULL;
    if (traced_loop_goes_on(loop)) {
        next = loop_advance(loop);
        note_end(loop);
        put_run(loop, loop->sched.current, ticks);
    }
    return next;
}

/* ---- the loop itself ------------------------------------------------------------------------- */

void asyncp_tracer_node_begins(struct async_loop *loop)
{
    struct ready *node = loop->sched.ready.first;
    uint64_t ticks = read_ticks(loop);
    if (loop->tracer.ring->latest.ticks == loop->tracer.ring->opened.ticks)
        asyncp_tracer_read_clocks(loop); /* the first turn may be the last one */
    put_appended(loop, first_appended(loop), NULL, ticks);
    put_run(loop, node->run == NULL ? coroutine_of_ready(node) : NULL, ticks);
    if (node->next == NULL) /* the queue is empty when it has begun */
        loop->tracer.last = NULL;
}

void asyncp_tracer_node_ended(struct async_loop *loop)
{
    uint64_t ticks = read_ticks(loop);
    put_appended(loop, first_appended(loop), NULL, ticks);
    put_plain(loop, EVENT_DONE, ticks, NULL);
}

void asyncp_tracer_sleeps(struct async_loop *loop, bool forever)
{
    asyncp_tracer_read_clocks(loop);
    put_event(loop,
              (struct trace_event){.ticks = loop->tracer.ring->latest.ticks,
                                   .kind = EVENT_SLEEP,
                                   .flags = forever ? SLEEP_FOREVER : 0},
              NULL);
}

void asyncp_tracer_shuffles(struct async_loop *loop)
{
    put_appended(loop, first_appended(loop), NULL, read_ticks(loop));
}

void asyncp_tracer_has_shuffled(struct async_loop *loop)
{
    note_end(loop);
}
