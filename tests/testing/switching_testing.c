/*
 * switching_testing.c: the rows (switching.h) of the calls of libasyncio-test. The loop of the
 * scene becomes that of a run.
 */
#include "switching/switching.h"

#include <asyncio/test.h>
#include <kit.h>

static void adopt(struct scene *scene)
{
    (void)scene;
    run_adopt();
}

static int settle(struct caller *caller)
{
    (void)caller;
    return async_test_settle();
}

SWITCHING_CALL(test_settle, async_test_settle, .kind = DEPENDS, .prepare = adopt, .make = settle);

static int advance(struct caller *caller)
{
    (void)caller;
    return async_test_advance(0);
}

SWITCHING_CALL(test_advance, async_test_advance, .kind = DEPENDS, .prepare = adopt,
               .make = advance);

/* Its result is a time, or there is no timer. */
static int go_to_next_timer(struct caller *caller)
{
    (void)caller;
    int result = (int)async_test_next();
    return result > 0 || result == -ENOENT ? 0 : result;
}

SWITCHING_CALL(test_next, async_test_next, .kind = DEPENDS, .prepare = adopt,
               .make = go_to_next_timer);
