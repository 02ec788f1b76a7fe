/*
 * The result, which says whether the item is in the queue, is dropped.
 *
 *  gcc: ignoring return value of 'asyncp_queue_put' declared with attribute 'warn_unused_result'
 *  clang: ignoring return value of function declared with 'warn_unused_result' attribute
 */
#include <asyncio.h>

int produce(async_queue *queue, int item)
{
#ifdef RIGHT
    return async_queue_put(queue, &item);
#else
    async_queue_put(queue, &item);
    return 0;
#endif
}
