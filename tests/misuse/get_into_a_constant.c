/*
 * The item would be copied into a variable that is constant.
 *
 *  gcc: passing argument 2 of 'asyncp_queue_get' discards 'const' qualifier from pointer target type
 *  clang: passing 'const int *' to parameter of type 'void *' discards qualifiers
 */
#include <asyncio.h>

#ifdef RIGHT
int consume(async_queue *queue, int *item);
int consume(async_queue *queue, int *item)
#else
int consume(async_queue *queue, const int *item);
int consume(async_queue *queue, const int *item)
#endif
{
    return async_queue_get(queue, item);
}
