/*
 * 3_tasks.c: two tasks of 3 seconds that end together after 3 seconds.
 *
 * async_create_task starts a task that runs a coroutine, and returns a handle. async_await waits
 * until the task has ended, and takes the handle. Both tasks are awaited before either result is
 * checked, so that no handle is leaked.
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
