/*
 * coroutines.h: the coroutines that many tests need tasks of: one that gives a result, at once or
 * after a while, and one that waits until it is cancelled.
 */
#ifndef TEST_COROUTINES_H
#define TEST_COROUTINES_H

#include <asyncio.h>
#include <math.h>

ASYNC_UNUSED static int give(int result)
{
    return result;
}
async_fn(give, int);

ASYNC_UNUSED static int give_after(double seconds, int result)
{
    ASYNC_TRY(async_sleep(seconds));
    return result;
}
async_fn(give_after, double, int);

ASYNC_UNUSED static int forever(void)
{
    return async_sleep(INFINITY);
}
async_fn(forever);

#endif
