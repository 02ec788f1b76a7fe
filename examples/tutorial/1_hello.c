/*
 * 1_hello.c: says hello, and one second later world.
 *
 * amain is a coroutine: an ordinary function that returns 0 or more when it worked and -errno when
 * it did not. async_sleep stops it without stopping the thread; ASYNC_TRY returns from it when the
 * sleep was refused, which is what Ctrl-C does. async_main runs amain on a loop of its own and
 * makes an exit status of its result.
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
