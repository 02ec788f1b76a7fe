/*
 * sched/ready.h: the ready queue: what can run now, first come first served. A node is part of what
 * it makes run, so that waking somebody never needs memory. Knows nothing of tasks.
 */
#ifndef SCHED_READY_H
#define SCHED_READY_H

#include "sys/assert.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ready {
    struct ready *next;          /* runs after this one */
    void (*run)(struct ready *); /* called on the loop's stack; NULL: this is a coroutine's node */
};

struct ready_queue {
    struct ready *first; /* runs next; NULL: nothing is ready */
    struct ready *last;  /* meaningless when empty */
};

/* Pushes a chain of nodes, which begins and ends with these. */
static inline void ready_append(struct ready_queue *queue, struct ready *first, struct ready *end)
{
    end->next = NULL;
    if (queue->first == NULL)
        queue->first = first;
    else
        queue->last->next = first;
    queue->last = end;
}

static inline void ready_push(struct ready_queue *queue, struct ready *node)
{
    ready_append(queue, node, node);
}

/* For whoever has given way to somebody and goes on right after. */
static inline void ready_push_first(struct ready_queue *queue, struct ready *node)
{
    node->next = queue->first;
    if (queue->first == NULL)
        queue->last = node;
    queue->first = node;
}

static inline struct ready *ready_pop(struct ready_queue *queue)
{
    struct ready *node = queue->first;
    ASSERT(node != NULL);
    queue->first = node->next;
    return node;
}

/* How many nodes are in it, counted one by one. */
size_t asyncp_ready_count(const struct ready_queue *queue);

/* Puts the nodes in an order drawn from the state of a random generator, which it advances. */
void asyncp_ready_shuffle(struct ready_queue *queue, uint64_t *state);

#endif
