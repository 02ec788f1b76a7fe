/*
 * 1_hello.c: prints hello, and one second later world.
 *
 * amain is a coroutine: an ordinary function that returns 0 or more on success and -errno on
 * failure. async_sleep suspends the coroutine and does not block the thread. ASYNC_TRY returns from
 * amain if the sleep fails, as it does on Ctrl-C. async_main runs amain on a new loop and turns its
 * result into an exit status.
 */
#include <asyncio.h>
#include <stdio.h>

static int amain(void)
{
    puts("hello");
    ASYNC_TRY(async_sleep(1));
    puts("world");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
