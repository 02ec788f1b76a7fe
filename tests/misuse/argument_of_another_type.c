/*
 * An argument has another type than the parameter: the compiler says what it would say of a call.
 *
 *  gcc: passing argument 4 of 'async_fn_of__repeat' makes pointer from integer without a cast
 *  clang: incompatible integer to pointer conversion passing 'int' to parameter of type 'typeof(const char *)'
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
    return async_main(repeat, 3, 4);
#endif
}
