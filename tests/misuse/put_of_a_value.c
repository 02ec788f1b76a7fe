/*
 * A queue is given the address of an item, not the item.
 *
 *  gcc: invalid type argument of unary '*' (have 'int')
 *  clang: indirection requires pointer operand ('int' invalid)
 */
#include <asyncio.h>

int produce(async_queue *queue, int item)
{
#ifdef RIGHT
    return async_queue_put(queue, &item);
#else
    return async_queue_put(queue, item);
#endif
}
