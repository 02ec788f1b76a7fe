/*
 * In Python create_task is given a call; here the function, a comma, and its arguments.
 *
 *  gcc: too few arguments to function 'async_fn_of__repeat'
 *  clang: too few arguments to function call
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
    return async_await(async_create_task(repeat, 1, "ho"));
#else
    return async_await(async_create_task(repeat(1, "ho")));
#endif
}
