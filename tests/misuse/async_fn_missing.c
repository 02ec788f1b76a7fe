/*
 * async_fn is missing after the function, so nothing is known of its parameters.
 *
 *  gcc: 'async_fn_of__repeat' undeclared
 *  clang: use of undeclared identifier 'async_fn_of__repeat'
 */
#include <asyncio.h>

static int repeat(int count)
{
    return 2 * count;
}

#ifdef RIGHT
async_fn(repeat, int);
#endif

int main(void)
{
    return repeat(0) + async_main(repeat, 3);
}
