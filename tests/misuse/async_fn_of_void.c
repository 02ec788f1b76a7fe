/*
 * A function without parameters has no types to list.
 *
 *  gcc: static assertion failed: "async_fn(rest, void): a function without parameters has no types to list
 *  clang: "async_fn(rest, void): a function without parameters has no types to list
 */
#include <asyncio.h>

static int rest(void)
{
    return async_sleep(1);
}
#ifdef RIGHT
async_fn(rest);
#else
async_fn(rest, void);
#endif
