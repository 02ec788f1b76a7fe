/*
 * 18. A pointer to a variable that is gone
 *
 * A task may point into the frame of the function that awaits it. `begin` awaits nothing: when the
 * task runs, `number` is gone. Debug mode checks a task's arguments when it begins, and reports one
 * that points to the place of a function that has returned, on the stack of any task. It checks the
 * arguments only, not pointers inside of the objects that they point to. It does not notice a
 * variable after another function has taken its place, or that of a `for`: `&i` is the same place
 * for all tasks, and holds the last number when they run.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * pass the value. Or await the task in the function that owns the variable, or let a task group do
 * it.
 */
#include <asyncio.h>

static int is_seven(const int *number)
{
    return *number == 7;
}
async_fn(is_seven, const int *);

static int begin(void)
{
    int number = 7;
    async_task_detach(async_create_task(is_seven, &number));
    return 0;
}
async_fn(begin);

static int amain(void)
{
    ASYNC_TRY(async_await(async_create_task(begin)));
    return async_sleep(0.1);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
