/* top/select.h: the wait of async_select, for select.c, and for the table in layout.c. */
#ifndef TOP_SELECT_H
#define TOP_SELECT_H

#include "sched/sched.h"
#include "sched/timer.h"
#include <asyncio/select.h>

struct select_place;

struct select {
    struct wait wait;
    struct timer timer;
    struct async_loop *loop;
    const async_case *cases;
    struct select_place *places; /* one for each case */
    size_t count;                /* of cases */
    size_t timed;                /* the index of the earliest timeout; count: none */
    int64_t deadline_ns;         /* of the timeout */
    size_t in_flight;            /* operations not yet completed */
    bool withdrawing;            /* waits only for the completion of cancelled operations */
};

#endif
