/*
 * sched/order.h: orders of ready tasks other than first come, first served, for tests. They are
 * decided once in each iteration of the loop, for the nodes that are ready then; each of them has
 * its turn in this iteration. The same seed gives the same orders.
 */
#ifndef SCHED_ORDER_H
#define SCHED_ORDER_H

#include "sched/ready.h"
#include <asyncio/hooks.h>

/* At this turn the task gets a lower priority than all tasks that no change has met. */
struct priority_change {
    uint64_t turn;
    uint64_t task; /* its id; 0: the turn has not come */
};

struct turn_order {
    uint64_t random; /* state of the generator; 0: first come, first served */
    uint64_t seed;   /* of the priorities */
    uint64_t turns;  /* of nodes that were put in order */
    uint32_t depth;  /* 0: a shuffle; else priorities, with depth - 1 changes */
    struct priority_change changes[ASYNCP_MAX_DEPTH - 1]; /* a later one has a higher priority */
};

/* turns: among how many turns those of the changes are drawn. */
void asyncp_order_open(struct turn_order *order, uint64_t seed, uint32_t depth, uint32_t turns);

/* Puts the queue in order. */
void asyncp_order_ready(struct turn_order *order, struct ready_queue *queue);

#endif
