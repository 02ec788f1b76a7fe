/*
 * Only tasks are gathered; a coroutine that is called has already run to its end.
 *
 *  gcc: from 'int' makes pointer from integer without a cast
 *  clang: incompatible integer to pointer conversion initializing 'async_task *const'
 */
#include <asyncio.h>

static int repeat(int count, const char *word)
{
    return word[0] * count;
}
async_fn(repeat, int, const char *);

int both(void)
{
#ifdef RIGHT
    return async_gather(async_create_task(repeat, 1, "ho"), async_create_task(repeat, 2, "hi"));
#else
    return async_gather(repeat(1, "ho"), repeat(2, "hi"));
#endif
}
