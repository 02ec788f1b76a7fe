/*
 * 4. Waiting outside a task
 *
 * Only a task can wait: it has a stack of its own, which the loop leaves while it waits. `main` is
 * not a task. Nor is a callback, which runs on the loop's stack; the message there says so, and a
 * callback can create a task.
 *
 * put the call into a coroutine, and give that to `async_main`.
 */
#include <asyncio.h>
#include <stdio.h>

int main(void)
{
    puts("a short rest");
    return async_sleep(1);
}
