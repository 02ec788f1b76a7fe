/*
 * lookups.h: for tests with a resolver of their own: waits for the lookups that go on in the
 * background after their callers have ended.
 */
#ifndef TEST_LOOKUPS_H
#define TEST_LOOKUPS_H

#include "net/resolver.h"

#include <sched.h>

/* Blocks the thread until no lookup is under way. */
static inline void await_no_lookups(void)
{
    while (asyncp_lookups_under_way() > 0)
        sched_yield();
}

#endif
