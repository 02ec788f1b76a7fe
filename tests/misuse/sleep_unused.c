/*
 * A sleep that was cancelled would not be noticed; async_ignore says that this is meant.
 *
 *  gcc: ignoring return value of 'async_sleep' declared with attribute 'warn_unused_result'
 *  clang: ignoring return value of function declared with 'warn_unused_result' attribute
 */
#include <asyncio.h>

void rest(void)
{
#ifdef RIGHT
    async_ignore(async_sleep(1));
#else
    async_sleep(1);
#endif
}
