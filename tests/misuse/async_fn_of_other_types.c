/*
 * The types given to async_fn are not those of the function.
 *
 *  gcc: static assertion failed: "async_fn(repeat, ...): these are not the types of the function
 *  clang: static_assert failed "async_fn(repeat, ...): these are not the types of the function
 */
#include <asyncio.h>

static int repeat(int count)
{
    return 2 * count;
}

#ifdef RIGHT
async_fn(repeat, int);
#else
async_fn(repeat, long);
#endif
