/*
 * 3. No async_fn
 *
 * `async_fn` makes a function one that a task can run. It defines the name that the compiler does
 * not find here. A function that is only called, and never given to `async_create_task` or
 * `async_main`, needs none.
 *
 * `async_fn(say, int, const char *);` after the function, or after its prototype in a header. For a
 * task that only makes a call of the library, as in `async_create_task(async_sleep, 1)`, it is
 * `async_fn(async_sleep, double);` at the top of the file.
 */
#include <asyncio.h>
#include <stdio.h>

static int say(int times, const char *what)
{
    while (times-- > 0)
        puts(what);
    return 0;
}

int main(void)
{
    return async_main(say, 3, "hello");
}
