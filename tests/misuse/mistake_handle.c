/*
 * 5. A handle that was taken before
 *
 * `async_await` takes the handle. What is left in the variable points to a record that the library keeps as long
 * as the loop lives, so this is noticed. In debug mode it is noticed even when many tasks have come and gone
 * since.
 *
 * await once; two tasks that await at the same time both get the result. To wait without taking the handle, use
 * `async_task_wait`; to keep one, take another before, with `async_task_ref`.
 */
#include <asyncio.h>

static int answer(void)
{
    return 42;
}
async_fn(answer);

static int amain(void)
{
    async_task *task = async_create_task(answer);
    ASYNC_TRY(async_await(task));
    return async_await(task);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
