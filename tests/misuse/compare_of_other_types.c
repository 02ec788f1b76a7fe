/*
 * A priority queue compares as qsort does, by pointers to void.
 *
 *  gcc: passing argument 4 of 'async_priority_queue_new' from incompatible pointer type
 *  clang: incompatible function pointer types passing 'int (const int *, const int *)'
 */
#include <asyncio.h>

#ifdef RIGHT
static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}
#else
static int compare(const int *a, const int *b)
{
    return *a - *b;
}
#endif

int make(async_queue **queue)
{
    return async_priority_queue_new(queue, 0, sizeof(int), compare);
}
