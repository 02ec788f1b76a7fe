/*
 * 5. A handle that was taken before
 *
 * `async_await` takes the handle: the value that is left in the variable is no handle any more. The
 * library keeps the record behind it for a while, so a second await that comes soon ends the
 * program. One that comes after some dozens of other tasks may find the record of another task, and
 * await that. In debug mode a record is used again only after 4,096 others, so run your tests in
 * it.
 *
 * keep the result, and not the handle: `int result = async_await(task);`. If other tasks need the
 * result too, let them wait with `async_task_wait`, which takes nothing, while you still hold the
 * handle. Or give each a handle of its own, from `async_task_ref`, before you await yours.
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
