/*
 * sched/ready.h: the ready queue, FIFO. The node is embedded in the object to run, so waking never
 * allocates.
 */
#ifndef SCHED_READY_H
#define SCHED_READY_H

#include "sys/assert.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ready {
    struct ready *next;
    void (*run)(struct ready *); /* on the loop's stack; NULL: the node of a coroutine */
};

struct ready_queue {
    struct ready *first;
    struct ready *last; /* undefined if the queue is empty */
};

/* Appends a chain of nodes. */
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

/* For a task that resumes right after the task started by it. */
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

/* The number of nodes. Walks the queue. */
size_t asyncp_ready_count(const struct ready_queue *queue);

/*
 * Shuffles the other queue into this one, whose nodes keep their order among themselves. `last` is
 * undefined then. Advances the state of the random generator.
 */
void asyncp_ready_mingle(struct ready_queue *queue, size_t count, struct ready_queue *other,
                         size_t other_count, uint64_t *state);

/* Shuffles the queue. Advances the state of the random generator. */
void asyncp_ready_shuffle(struct ready_queue *queue, uint64_t *state);

#endif
