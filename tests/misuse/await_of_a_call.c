/*
 * In Python a call makes a coroutine that is awaited; here the call is the wait.
 *
 *  gcc: passing argument 1 of 'async_await' makes pointer from integer without a cast
 *  clang: incompatible integer to pointer conversion passing 'int' to parameter of type 'async_task *'
 */
#include <asyncio.h>

static int repeat(int count, const char *word)
{
    return word[0] * count;
}
async_fn(repeat, int, const char *);

int one(void)
{
#ifdef RIGHT
    return repeat(1, "ho");
#else
    return async_await(repeat(1, "ho"));
#endif
}
