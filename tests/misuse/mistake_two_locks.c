/*
 * 22. Two locks in two orders
 *
 * Each task has one lock and waits for the other one. The run notices that nothing could ever wake
 * them, lists them, and cancels the main task. `asyncio tree` shows such a cycle in a program in
 * which other tasks go on.
 *
 * take the locks in the same order everywhere: with two accounts, that of the lower number first.
 */
#include <asyncio.h>
#include <stdio.h>

static int transfer(async_lock *from, async_lock *to)
{
    ASYNC_WITH(from);
    ASYNC_TRY(async_sleep(0.01));
    ASYNC_WITH(to);
    puts("transferred");
    return 0;
}
async_fn(transfer, async_lock *, async_lock *);

static int amain(void)
{
    async_lock savings = {0}, wages = {0};
    return async_gather(async_create_task(transfer, &savings, &wages),
                        async_create_task(transfer, &wages, &savings));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
