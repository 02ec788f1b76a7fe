/*
 * 21. async_fn(f, void)
 *
 * In C a function without parameters is declared with `(void)`, which is not the type of a
 * parameter.
 *
 * `async_fn(rest);`.
 */
#include <asyncio.h>

static int rest(void)
{
    return async_sleep(1);
}
async_fn(rest, void);

int main(void)
{
    return async_main(rest);
}
