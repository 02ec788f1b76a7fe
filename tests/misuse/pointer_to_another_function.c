/*
 * A function that is chosen at run time takes a pointer to void.
 *
 *  gcc: passing argument 1 of 'asyncp_create_task_ptr' from incompatible pointer type
 *  clang: incompatible function pointer types passing 'int (int)' to parameter of type 'int (*)(void *)'
 */
#include <asyncio.h>

#ifdef RIGHT
static int chosen(void *argument)
{
    return *(int *)argument;
}
#else
static int chosen(int argument)
{
    return argument;
}
#endif

async_task *begin(int *argument)
{
    return async_create_task_ptr(chosen, argument);
}
