/*
 * async_task_stack_used.c: measure the stack of a task
 *
 * Pages: async_task_stack_used async_task_stack_size
 */
#include <asyncio.h>
#include <stdio.h>

/* Needs more than a kilobyte for each step. */
static int descend(int steps)
{
    char name[1024];
    snprintf(name, sizeof name, "step %d", steps);
    int deeper = steps > 0 ? descend(steps - 1) : 0;
    return deeper + (name[0] == 's');
}

static int explore(int steps)
{
    int deepest = descend(steps);
    ASYNC_TRY(async_sleep(1));
    return deepest;
}
async_fn(explore, int);

static int amain(void)
{
    async_task_options options = {.stack_size = 256 * 1024};
    async_task *task = async_create_task_with(&options, explore, 100);
    ASYNC_TRY(async_sleep(0));
    size_t used = async_task_stack_used(task),
           size = async_task_stack_size(task);
    printf("of %zu KiB it has used %s\n", size / 1024,
           used > 100 * 1024 && used < size ? "more than 100"
                                            : "another amount");
    int steps = async_await(task);
    return steps < 0 ? steps : 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * of 256 KiB it has used more than 100
 */
