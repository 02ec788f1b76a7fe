/*
 * The call has fewer arguments than the function has parameters.
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

int main(void)
{
#ifdef RIGHT
    return async_main(repeat, 3, "ho");
#else
    return async_main(repeat, 3);
#endif
}
