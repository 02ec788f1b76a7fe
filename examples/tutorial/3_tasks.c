/*
 * 3_tasks.c: two tasks of 3 seconds that end together after 3 seconds.
 *
 * async_create_task lets a coroutine run on its own and gives a handle; async_await waits for its
 * end and takes the handle. Both are awaited before either result is looked at, so that no handle
 * is left over.
 */
#include <asyncio.h>
#include <stdio.h>

static int say_after(double delay, const char *what)
{
    ASYNC_TRY(async_sleep(delay));
    puts(what);
    return 0;
}
async_fn(say_after, double, const char *);

static int amain(void)
{
    async_task *hello = async_create_task(say_after, 3, "hello");
    async_task *world = async_create_task(say_after, 3, "world");
    int first = async_await(hello);
    int second = async_await(world);
    return first < 0 ? first : second;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
