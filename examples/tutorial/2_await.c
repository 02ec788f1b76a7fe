/*
 * 2_await.c: two pauses in a row, 2 + 6 = 8 seconds.
 *
 * A call of a coroutine awaits it: the caller continues when the coroutine has returned. Other
 * tasks could run meanwhile; this program has only one. say_after never becomes a task, so it needs
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
