/*
 * Nine parameters are more than async_fn can list.
 *
 *  gcc: async_fn: more than 8 parameters; pass a pointer to a struct
 *  clang: async_fn: more than 8 parameters; pass a pointer to a struct
 */
#include <asyncio.h>

#ifdef RIGHT
static int add(int a, int b, int c, int d, int e, int f, int g, int h)
{
    return a + b + c + d + e + f + g + h;
}
async_fn(add, int, int, int, int, int, int, int, int);
#else
static int add(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
    return a + b + c + d + e + f + g + h + i;
}
async_fn(add, int, int, int, int, int, int, int, int, int);
#endif
