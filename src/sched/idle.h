/* sched/idle.h: the hook by which libasyncio-test decides how a loop waits (asyncio/hooks.h). */
#ifndef SCHED_IDLE_H
#define SCHED_IDLE_H

#include <asyncio/hooks.h>

struct idle_hook {
    asyncp_idle_function *function; /* NULL: no hook */
    void *context;
    uint64_t asked; /* how often it was called */
};

#endif
