/*
 * The result, which says whether the time ran out, is dropped.
 *
 *  gcc: ignoring return value of 'asyncp_timeout_pop' declared with attribute 'warn_unused_result'
 *  clang: ignoring return value of function declared with 'warn_unused_result' attribute
 */
#include <asyncio.h>

int rest(void)
{
#ifdef RIGHT
    return async_timeout(1, async_sleep(2));
#else
    async_timeout(1, async_sleep(2));
    return 0;
#endif
}
