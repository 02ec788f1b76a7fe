/*
 * sched/order.c: a shuffle, or priorities (probabilistic concurrency testing: Burckhardt, Kothari,
 * Musuvathi and Nagarakatte, ASPLOS 2010). A task keeps its random priority in all iterations,
 * until it meets one of a few random turns. So a task can come first, or last, many times in a row,
 * which a shuffle does with a probability that halves with each turn.
 *
 * A priority is a hash of the seed and the task's id, so that nothing is stored in tasks. Callbacks
 * have no id: they come between the tasks at random.
 */
#include "sched/order.h"
#include "sched/task.h"

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u;

/* The finalizer of SplitMix64: all bits of the result depend on all of the argument. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void asyncp_order_open(struct turn_order *order, uint64_t seed, uint32_t depth, uint32_t turns)
{
    ASSERT(depth <= ASYNCP_MAX_DEPTH);
    *order = (struct turn_order){.random = seed, .seed = seed, .depth = depth};
    for (uint32_t i = 0; i + 1 < depth; i++)
        order->changes[i].turn = mix(seed + (i + 1) * GOLDEN) % turns;
}

/* ---- priorities ----------------------------------------------------------------------------- */

struct priority {
    uint32_t level; /* 0 is the lowest; that of tasks that no change has met is the highest */
    uint64_t draw;  /* decides among these */
};

static struct priority priority_of(const struct turn_order *order, struct ready *node)
{
    uint64_t id = coroutine_of_ready(node)->task->id;
    for (uint32_t i = 0; i + 1 < order->depth; i++)
        if (order->changes[i].task == id)
            return (struct priority){i, 0};
    return (struct priority){ASYNCP_MAX_DEPTH, mix(order->seed ^ mix(id * GOLDEN))};
}

static bool comes_before(const struct turn_order *order, struct ready *a, struct ready *b)
{
    struct priority of_a = priority_of(order, a), of_b = priority_of(order, b);
    return of_a.level != of_b.level ? of_a.level > of_b.level : of_a.draw > of_b.draw;
}

static struct ready *merge_by_priority(const struct turn_order *order, struct ready *a,
                                       struct ready *b)
{
    struct ready *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct ready **source = comes_before(order, b, a) ? &b : &a;
        *end = *source;
        *source = (*source)->next;
        end = &(*end)->next;
    }
    *end = a != NULL ? a : b;
    return first;
}

static struct ready *sort_by_priority(const struct turn_order *order, struct ready *first,
                                      size_t count)
{
    if (count < 2)
        return first;
    struct ready *end = first;
    for (size_t i = 1; i < count / 2; i++)
        end = end->next;
    struct ready *rest = end->next;
    end->next = NULL;
    return merge_by_priority(order, sort_by_priority(order, first, count / 2),
                             sort_by_priority(order, rest, count - count / 2));
}

/* Moves the task that *place leads to behind all that come before it now. */
static void lower_priority(const struct turn_order *order, struct ready **place)
{
    struct ready *node = *place, **to = place;
    *place = node->next;
    while (*to != NULL && ((*to)->run != NULL || comes_before(order, *to, node)))
        to = &(*to)->next;
    node->next = *to;
    *to = node;
}

/* A change whose turn has come, and that has met no task; NULL: none. */
static struct priority_change *due_change(struct turn_order *order)
{
    for (uint32_t i = 0; i + 1 < order->depth; i++)
        if (order->changes[i].task == 0 && order->changes[i].turn <= order->turns)
            return &order->changes[i];
    return NULL;
}

static void make_changes(struct turn_order *order, struct ready **place)
{
    for (; *place != NULL; place = &(*place)->next, order->turns++)
        for (struct priority_change *change;
             (*place)->run == NULL && (change = due_change(order)) != NULL;) {
            change->task = coroutine_of_ready(*place)->task->id;
            lower_priority(order, place);
        }
}

/* Takes the callbacks out, whose nodes are no tasks. Returns how many there are. */
static size_t separate_callbacks(struct ready_queue *queue, struct ready_queue *callbacks)
{
    struct ready_queue tasks = {0};
    size_t count = 0;
    for (struct ready *node = queue->first, *next; node != NULL; node = next) {
        next = node->next;
        ready_push(node->run != NULL ? callbacks : &tasks, node);
        count += node->run != NULL;
    }
    *queue = tasks;
    return count;
}

static void sort_ready(struct turn_order *order, struct ready_queue *queue)
{
    struct ready_queue callbacks = {0};
    size_t callback_count = separate_callbacks(queue, &callbacks);
    size_t task_count = asyncp_ready_count(queue);
    queue->first = sort_by_priority(order, queue->first, task_count);
    asyncp_ready_mingle(queue, task_count, &callbacks, callback_count, &order->random);
    make_changes(order, &queue->first);
    for (queue->last = queue->first; queue->last->next != NULL;)
        queue->last = queue->last->next;
}

void asyncp_order_ready(struct turn_order *order, struct ready_queue *queue)
{
    if (queue->first == NULL)
        return;
    if (order->depth > 0)
        sort_ready(order, queue);
    else {
        asyncp_ready_shuffle(queue, &order->random);
        order->turns += asyncp_ready_count(queue);
    }
}
