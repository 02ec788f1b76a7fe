/*
 * 1. An argument of another type
 *
 * `async_fn` has told the compiler the types of the parameters, so arguments are checked as those
 * of a call are. gcc counts two arguments that the macro adds in front: its third is your first.
 *
 * `async_main(say, 3, "hello")`. The order is the function's.
 */
#include <asyncio.h>
#include <stdio.h>

static int say(int times, const char *what)
{
    while (times-- > 0)
        puts(what);
    return 0;
}
async_fn(say, int, const char *);

int main(void)
{
    return async_main(say, "hello", 3);
}
