/*
 * A callback returns a value, which has no receiver.
 *
 *  gcc: passing argument 1 of 'async_call_soon' from incompatible pointer type
 *  clang: incompatible function pointer types passing 'int (void *)' to parameter of type 'void (*)(void *)'
 */
#include <asyncio.h>

#ifdef RIGHT
static void called(void *argument)
{
    (void)argument;
}
#else
static int called(void *argument)
{
    return argument == NULL;
}
#endif

void ask(void)
{
    async_call_soon(called, NULL);
}
