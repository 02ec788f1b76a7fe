/*
 * 6. A task that is not awaited
 *
 * When the main coroutine ends, the tasks that are left are cancelled: the world is not saved. In
 * Python the call is what is forgotten to be awaited. Here a call waits by itself, and what can be
 * forgotten is the handle of a task.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * `return async_await(saving);`. Or, if it may be cut short at the end of the run, say so:
 * `async_task_detach(saving)`.
 */
#include <asyncio.h>
#include <stdio.h>

static int save(const char *what)
{
    ASYNC_TRY(async_sleep(1));
    printf("%s is saved\n", what);
    return 0;
}
async_fn(save, const char *);

static int amain(void)
{
    async_task *saving = async_create_task(save, "the world");
    return saving != NULL ? 0 : -ENOMEM;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
