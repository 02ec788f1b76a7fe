/*
 * The result of the awaited task is dropped.
 *
 *  gcc: ignoring return value of 'async_await' declared with attribute 'warn_unused_result'
 *  clang: ignoring return value of function declared with 'warn_unused_result' attribute
 */
#include <asyncio.h>

int finish(async_task *task)
{
#ifdef RIGHT
    return async_await(task);
#else
    async_await(task);
    return 0;
#endif
}
