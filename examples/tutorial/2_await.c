/*
 * 2_await.c: two pauses in a row, 2 + 6 = 8 seconds.
 *
 * To call a coroutine is to await it: it runs to its end, and only then does the caller go on.
 * Other tasks would run meanwhile, but there are none. say_after is never made a task, so it needs
 * no async_fn.
 */
#include <asyncio.h>
#include <stdio.h>

static int say_after(double delay, const char *what)
{
    ASYNC_TRY(async_sleep(delay));
    puts(what);
    return 0;
}

static int amain(void)
{
    ASYNC_TRY(say_after(2, "hello"));
    ASYNC_TRY(say_after(6, "world"));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
