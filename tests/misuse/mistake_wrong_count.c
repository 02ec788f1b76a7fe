/*
 * 2. Too few arguments, or too many
 *
 * Here too the two arguments that the macro adds are counted. The line that matters is the one in
 * your own file.
 *
 * `async_main(say, 3, "hello")`.
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
    return async_main(say, 3);
}
