/*
 * sched/tracer.c: writes the events of a traced loop. Nothing here allocates, and nothing is
 * written but the ring: a reader in another process may copy it at any moment.
 *
 * asyncp_tracer_go_on is a part of most switches, so it is written for speed: one reading of the
 * clock, the place of the next event in a register, the position published once. It calls nothing
 * but its last call, so it saves no registers. Words are stored and loaded one by one: a wider
 * load of words that were just stored waits for them, for 5 ns.
 */
#include "sched/park.h"
#include "sched/probes.h"
#include "sched/sched.h"
#include "sys/map.h"
#include "sys/ticks.h"
#include "timeline/ring.h"
#include <stdio.h>

/* The most that a turn writes without looking for room: a wake, a stop with a detail, RUN. */
enum { MAX_EVENTS_AT_ONCE = 4 };

static inline uint64_t read_ticks(const struct async_loop *loop)
{
    return loop->clock.is_virtual ? (uint64_t)loop->clock.now_ns
                                  : ticks_now(loop->tracer.has_ticks);
}

void asyncp_tracer_read_clocks(struct async_loop *loop)
{
    loop->tracer.ring->latest = (struct clock_pair){.ticks = read_ticks(loop),
                                                    .ns = asyncp_now(loop)};
}

/* ---- the ring -------------------------------------------------------------------------------- */

static inline void store_word(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t number_of(const struct trace_event *place)
{
    return (uintptr_t)place / sizeof *place;
}

/* Makes the events before `at` visible to readers. */
static inline void publish(struct async_loop *loop, struct trace_event *at)
{
    loop->tracer.at = at;
    atomic_store_explicit(&loop->tracer.ring->position, number_of(at) - loop->tracer.origin,
                          memory_order_release);
}

static void enter_block(struct async_loop *loop, struct trace_event *first)
{
    loop->tracer.full_at = first + BLOCK_EVENTS - MAX_EVENTS_AT_ONCE;
    publish(loop, first);
}

/* Leaves the rest of the block unused. */
OUT_OF_LINE static void begin_block(struct async_loop *loop)
{
    struct trace_ring *ring = loop->tracer.ring;
    const size_t capacity = (size_t)ring->blocks * BLOCK_EVENTS;
    const struct trace_event *end = loop->tracer.full_at + MAX_EVENTS_AT_ONCE;
    struct trace_event *at = loop->tracer.at;
    for (; at < end; at++)
        *at = (struct trace_event){.what = event_what(EVENT_FILLER, 0, 0, 0)};
    if (at == ring->events + capacity) {
        at = ring->events;
        loop->tracer.origin -= capacity;
    }
    enter_block(loop, at);
    asyncp_tracer_read_clocks(loop);
}

/* Writes two words. Returns the next place. */
static inline struct trace_event *put_words(struct trace_event *at, uint64_t first, uint64_t second)
{
    store_word(&at->first, first);
    store_word(&at->second, second);
    return at + 1;
}

static inline uint64_t what_of(enum event_kind kind, const struct async_task *task)
{
    return event_what(kind, (uint32_t)task->id, 0, 0);
}

/* Writes and publishes an event of two words. */
static void publish_event(struct async_loop *loop, uint64_t ticks, uint64_t what)
{
    if (loop->tracer.at >= loop->tracer.full_at)
        begin_block(loop);
    publish(loop, put_words(loop->tracer.at, ticks, what));
}

static void publish_plain(struct async_loop *loop, uint64_t ticks, enum event_kind kind,
                          const struct async_task *task)
{
    publish_event(loop, ticks, task != NULL ? what_of(kind, task) : event_what(kind, 0, 0, 0));
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
static inline uint64_t what_is_ready(const struct ready *node)
{
    const struct coroutine *ready = coroutine_of_ready((struct ready *)node);
    const struct wait *wait = ready->wait;
    const uint32_t task = (uint32_t)ready->task->id;
    if (wait == NULL)
        return event_what(EVENT_CREATE, task, 0, 0);
    if (wait->winner != NULL)
        return event_what(EVENT_WAKE, task, 0, 0);
    unsigned flags = wait->result == -ECANCELED ? WAKE_CANCELLED
                     : wait->timer != NULL      ? WAKE_TIMER
                                                : 0;
    return event_what(EVENT_WAKE, task, flags, 0);
}

/*
 * Notes the end of the queue, up to which everything was recorded: where the next node is appended.
 * queue->last is undefined while the queue is empty.
 */
static inline void note_end(struct async_loop *loop)
{
    struct ready_queue *queue = &loop->sched.ready;
    loop->tracer.appended = queue->first != NULL ? &queue->last->next : &queue->first;
}

/* Whether a node is to be recorded as ready. If `self` has yielded, that is an event of its own. */
static inline bool is_recorded(const struct ready *node, const struct coroutine *self)
{
    return node->run == NULL && coroutine_of_ready((struct ready *)node) != self;
}

static void probe_ready(const struct async_loop *loop, const struct ready *node,
                        const struct coroutine *self)
{
    for (; node != NULL && loop->tracer.is_probed; node = node->next)
        if (is_recorded(node, self))
            asyncp_probe_ready(node);
}

/* Records the nodes from `node` on, outside of the end of a turn. */
static void publish_ready(struct async_loop *loop, const struct ready *node,
                          const struct coroutine *self, uint64_t ticks)
{
    probe_ready(loop, node, self);
    for (; node != NULL; node = node->next)
        if (is_recorded(node, self))
            publish_event(loop, ticks, what_is_ready(node));
    note_end(loop);
}

/* ---- opening -------------------------------------------------------------------------------- */

void asyncp_tracer_probe(struct async_loop *loop, bool is_probed)
{
    loop->tracer.is_probed = is_probed;
    loop->tracer.is_fast = loop->tracer.has_ticks && !loop->clock.is_virtual && !is_probed;
}

int asyncp_tracer_open(struct async_loop *loop, uint32_t blocks, bool for_probes)
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
    loop->tracer = (struct tracer){.ring = ring,
                                   .origin = number_of(ring->events),
                                   .has_ticks = ring->has_ticks != 0,
                                   .is_for_probes = for_probes};
    note_end(loop);
    asyncp_tracer_probe(loop, false);
    enter_block(loop, ring->events);
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
    loop->tracer = (struct tracer){.ring = NULL};
    loop_watch_stops(loop);
    loop_clear_attention(loop, ATTENTION_TRACE);
    asyncp_sys_unmap(ring, ring_bytes(ring->blocks));
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void publish_run(struct async_loop *loop, struct coroutine *self, uint64_t ticks)
{
    const struct async_task *task = self != NULL ? self->task : NULL;
    loop->tracer.running = self;
    publish_plain(loop, ticks, EVENT_RUN, task);
    if (loop->tracer.is_probed)
        asyncp_probe_run(task);
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
        bool was_empty = loop->tracer.appended == &loop->sched.ready.first;
        publish_ready(loop, was_empty ? creator->ready.next : *loop->tracer.appended, creator,
                      ticks);
        publish_plain(loop, ticks, EVENT_CREATE, self->task);
        publish_plain(loop, ticks, EVENT_START, creator->task);
        if (loop->tracer.is_probed) {
            asyncp_probe_ready(&self->ready);
            asyncp_probe_pause(creator->task);
        }
    }
    publish_run(loop, self, ticks);
}

void asyncp_tracer_task_begins(struct async_loop *loop, struct coroutine *self)
{
    if (loop->tracer.running != self)
        put_eager_start(loop, self, read_ticks(loop));
}

/* An event has room for 16 bits. An errno value fits. */
static inline int16_t limited_result(int result)
{
    return (int16_t)(result > INT16_MAX ? INT16_MAX : result < INT16_MIN ? INT16_MIN : result);
}

/* Of a task that has ended; it may be a free record: its pool leaves these members. */
static inline struct trace_event *put_end(struct trace_event *at, const struct coroutine *self,
                                          uint64_t ticks)
{
    const struct async_task *task = self->task;
    at = put_words(at, ticks,
                   event_what(EVENT_END, (uint32_t)task->id, 0, limited_result(task->result)));
    return put_words(at, (uintptr_t)self->function->name, (uintptr_t)task->where);
}

/* The wait was filled in a moment ago: see the head of this file. */
static inline struct trace_event *put_stop(struct trace_event *at, const struct coroutine *self,
                                           uint64_t ticks)
{
    const struct async_task *task = self->task;
    const struct wait *wait = self->wait;
    if (unlikely(task->coroutine != self))
        return put_end(at, self, ticks);
    at = put_words(at, ticks, what_of(wait != NULL ? EVENT_WAIT : EVENT_YIELD, task));
    if (wait == NULL)
        return at;
    return put_words(at, (uintptr_t)__atomic_load_n(&wait->call, __ATOMIC_RELAXED),
                     (uintptr_t)__atomic_load_n(&wait->object, __ATOMIC_RELAXED));
}

/*
 * Records the ready nodes from `node` on, and why the running task stops. Returns the place of the
 * next event, of RUN; NULL, and *node is the one to go on with: the block is full.
 */
static inline struct trace_event *put_turn(struct async_loop *loop, const struct ready **node,
                                           uint64_t ticks)
{
    const struct coroutine *self = loop->sched.current;
    struct trace_event *at = loop->tracer.at;
    for (; *node != NULL && at < loop->tracer.full_at; *node = (*node)->next)
        if (is_recorded(*node, self))
            at = put_words(at, ticks, what_is_ready(*node));
    if (likely(at < loop->tracer.full_at))
        return put_stop(at, self, ticks);
    loop->tracer.at = at;
    return NULL;
}
/* Makes the next task the running one, and records it. */
static inline struct context *run_next(struct async_loop *loop, struct trace_event *at,
                                       uint64_t ticks)
{
    struct context *next = loop_advance(loop);
    loop->tracer.running = loop_running(loop);
    at = put_words(at, ticks, what_of(EVENT_RUN, loop_running(loop)->task));
    note_end(loop);
    publish(loop, at);
    return next;
}

static struct context *end_traced_turn(struct async_loop *loop, const struct ready *node,
                                       uint64_t ticks);

OUT_OF_LINE static struct context *end_turn_in_next_block(struct async_loop *loop,
                                                          const struct ready *node, uint64_t ticks)
{
    begin_block(loop);
    return end_traced_turn(loop, node, ticks);
}

static struct context *end_traced_turn(struct async_loop *loop, const struct ready *node,
                                       uint64_t ticks)
{
    struct trace_event *at = put_turn(loop, &node, ticks);
    if (at == NULL)
        return end_turn_in_next_block(loop, node, ticks);
    if (traced_loop_goes_on(loop))
        return run_next(loop, at, ticks);
    loop->tracer.running = loop->sched.current = NULL;
    note_end(loop);
    publish(loop, at);
    return &loop->sched.context;
}

static struct context *end_probed_turn(struct async_loop *loop, uint64_t ticks)
{
    const struct coroutine *self = loop->sched.current;
    probe_ready(loop, *loop->tracer.appended, self);
    asyncp_probe_stop(self);
    struct context *next = end_traced_turn(loop, *loop->tracer.appended, ticks);
    if (loop->tracer.running != NULL)
        asyncp_probe_run(loop->tracer.running->task);
    return next;
}

OUT_OF_LINE struct context *asyncp_tracer_stop(struct async_loop *loop)
{
    struct coroutine *self = loop->sched.current;
    uint64_t ticks = read_ticks(loop);
    if (loop->tracer.running != self) /* an offloaded job was started eagerly */
        put_eager_start(loop, self, ticks);
    return loop->tracer.is_probed ? end_probed_turn(loop, ticks)
                                  : end_traced_turn(loop, *loop->tracer.appended, ticks);
}

FLATTEN struct context *asyncp_tracer_go_on(struct async_loop *loop)
{
    if (unlikely(!loop->tracer.is_fast || loop->tracer.running != loop->sched.current))
        return asyncp_tracer_stop(loop);
    const struct ready *node = *loop->tracer.appended;
    const uint64_t ticks = ticks_now(true);
    struct trace_event *at = put_turn(loop, &node, ticks);
    return likely(at != NULL) ? run_next(loop, at, ticks)
                              : end_turn_in_next_block(loop, node, ticks);
}

/* ---- the loop itself ------------------------------------------------------------------------- */

void asyncp_tracer_node_begins(struct async_loop *loop)
{
    struct ready *node = loop->sched.ready.first;
    uint64_t ticks = read_ticks(loop);
    if (loop->tracer.ring->latest.ticks == loop->tracer.ring->opened.ticks)
        asyncp_tracer_read_clocks(loop); /* the first turn may be the last one */
    publish_ready(loop, *loop->tracer.appended, NULL, ticks);
    publish_run(loop, node->run == NULL ? coroutine_of_ready(node) : NULL, ticks);
    if (node->next == NULL) /* the queue is empty when it has begun */
        loop->tracer.appended = &loop->sched.ready.first;
}

void asyncp_tracer_deferred_begins(struct async_loop *loop)
{
    uint64_t ticks = read_ticks(loop);
    publish_ready(loop, *loop->tracer.appended, NULL, ticks);
    publish_run(loop, NULL, ticks);
}

void asyncp_tracer_node_ended(struct async_loop *loop)
{
    uint64_t ticks = read_ticks(loop);
    publish_ready(loop, *loop->tracer.appended, NULL, ticks);
    publish_plain(loop, ticks, EVENT_DONE, NULL);
    if (loop->tracer.is_probed)
        asyncp_probe_pause(NULL);
}

void asyncp_tracer_sleeps(struct async_loop *loop, unsigned flags)
{
    asyncp_tracer_read_clocks(loop);
    publish_event(loop, loop->tracer.ring->latest.ticks, event_what(EVENT_SLEEP, 0, flags, 0));
}

void asyncp_tracer_shuffles(struct async_loop *loop)
{
    publish_ready(loop, *loop->tracer.appended, NULL, read_ticks(loop));
}

void asyncp_tracer_has_shuffled(struct async_loop *loop)
{
    note_end(loop);
}
