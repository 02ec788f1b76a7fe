/*
 * 25. Tasks that await each other
 *
 * A request to cancel is passed on to the awaited task, which passes it on in turn: so it cannot
 * end a circle, and the process is aborted. `asyncio ps` reads the core.
 *
 * let one of them finish on its own, and tell the other one by an event or a queue.
 */
#include <asyncio.h>
#include <stdio.h>

static async_task *left, *right;

static int wait_for_right(void)
{
    ASYNC_TRY(async_sleep(0.01));
    return async_await(right);
}
async_fn(wait_for_right);

static int wait_for_left(void)
{
    ASYNC_TRY(async_sleep(0.01));
    return async_await(left);
}
async_fn(wait_for_left);

static int amain(void)
{
    left = async_create_task(wait_for_right);
    right = async_create_task(wait_for_left);
    return async_sleep(0.1);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
