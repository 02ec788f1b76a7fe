/*
 * A type is missing in async_fn.
 *
 *  gcc: static assertion failed: "async_fn(repeat, ...): these are not the types of the function
 *  clang: static_assert failed "async_fn(repeat, ...): these are not the types of the function
 */
#include <asyncio.h>

static int repeat(int count, double factor)
{
    return (int)(factor * count);
}

#ifdef RIGHT
async_fn(repeat, int, double);
#else
async_fn(repeat, int);
#endif
