/*
 * The result, which says whether the tasks succeeded, is dropped.
 *
 *  gcc: ignoring return value of 'async_gather_n' declared with attribute 'warn_unused_result'
 *  clang: ignoring return value of function declared with 'warn_unused_result' attribute
 */
#include <asyncio.h>

int finish(async_task *one, async_task *other)
{
#ifdef RIGHT
    return async_gather(one, other);
#else
    async_gather(one, other);
    return 0;
#endif
}
