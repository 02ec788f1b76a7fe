/*
 * sched/ready.c: the shuffle. It lets tests run every order that a program must not rely on. A
 * random merge sort: it needs no memory, and the same seed gives the same order.
 */
#include "sched/ready.h"

static uint64_t draw_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Merges two lists, taking from each with a probability proportional to its rest. */
static struct ready *merge_at_random(struct ready *a, size_t a_count, struct ready *b,
                                     size_t b_count, uint64_t *state)
{
    struct ready *first = NULL, **end = &first;
    while (a_count + b_count > 0) {
        bool from_a = draw_random(state) % (a_count + b_count) < a_count;
        struct ready **source = from_a ? &a : &b;
        *(from_a ? &a_count : &b_count) -= 1;
        *end = *source;
        *source = (*source)->next;
        end = &(*end)->next;
    }
    *end = NULL;
    return first;
}

static struct ready *shuffle_list(struct ready *first, size_t count, uint64_t *state)
{
    if (count < 2)
        return first;
    struct ready *middle = first;
    for (size_t i = 0; i < count / 2; i++)
        middle = middle->next;
    /* b first: it is reached through a, whose links change when it is shuffled. */
    struct ready *b = shuffle_list(middle, count - count / 2, state);
    struct ready *a = shuffle_list(first, count / 2, state);
    return merge_at_random(a, count / 2, b, count - count / 2, state);
}

void asyncp_ready_mingle(struct ready_queue *queue, size_t count, struct ready_queue *other,
                         size_t other_count, uint64_t *state)
{
    struct ready *shuffled = shuffle_list(other->first, other_count, state);
    queue->first = merge_at_random(queue->first, count, shuffled, other_count, state);
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
    queue->first = shuffle_list(queue->first, asyncp_ready_count(queue), state);
    for (queue->last = queue->first; queue->last->next != NULL;)
        queue->last = queue->last->next;
}
