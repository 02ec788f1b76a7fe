/*
 * A coroutine returns int; this function returns nothing.
 *
 *  gcc: static assertion failed: "async_fn(repeat, ...): these are not the types of the function
 *  clang: static_assert failed "async_fn(repeat, ...): these are not the types of the function
 */
#include <asyncio.h>

#ifdef RIGHT
static int repeat(void)
{
    return 0;
}
#else
static void repeat(void) {}
#endif

async_fn(repeat);
