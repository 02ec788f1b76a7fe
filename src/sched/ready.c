/*
 * sched/ready.c: the shuffle, which shows tests every order that a program must not rely on. A
 * merge sort by coin toss: it needs no memory, and the same seed gives the same order.
 */
#include "sched/ready.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Merges two halves at random, each in proportion to what is left of it. */
static struct ready *merge(struct ready *a, size_t a_count, struct ready *b, size_t b_count,
                           uint64_t *state)
{
    struct ready *first = NULL, **end = &first;
    while (a_count + b_count > 0) {
        bool from_a = draw(state) % (a_count + b_count) < a_count;
        struct ready **source = from_a ? &a : &b;
        *(from_a ? &a_count : &b_count) -= 1;
        *end = *source;
        *source = (*source)->next;
        end = &(*end)->next;
    }
    *end = NULL;
    return first;
}

static struct ready *shuffled(struct ready *first, size_t count, uint64_t *state)
{
    if (count < 2)
        return first;
    struct ready *middle = first;
    for (size_t i = 0; i < count / 2; i++)
        middle = middle->next;
    struct ready *b = shuffled(middle, count - count / 2,
                               state); /* before a: a's end is not cut off */
    struct ready *a = shuffled(first, count / 2, state);
    return merge(a, count / 2, b, count - count / 2, state);
}

size_t asyncp_ready_count(const struct ready_queue *queue)
{
    size_t count = 0;
    for (const struct ready *node = queue->first; node != NULL; node = node->next)
        count++;
    return count;
}

void asyncp_ready_shuffle(struct ready_queue *queue, uint64_t *state)
{
    if (queue->first == NULL)
        return;
    queue->first = shuffled(queue->first, asyncp_ready_count(queue), state);
    for (queue->last = queue->first; queue->last->next != NULL;)
        queue->last = queue->last->next;
}
