/*
 * 4. Waiting outside a task
 *
 * Whoever waits needs a stack that can be left, and `main` is no task. The same is said of a callback, which runs
 * on the loop itself: let it create a task.
 *
 * put it into a coroutine, and give that to `async_main`.
 */
#include <asyncio.h>
#include <stdio.h>

int main(void)
{
    puts("a short rest");
    return async_sleep(1);
}
