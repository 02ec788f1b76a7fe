/*
 * 12. An event that is gone before its waiters
 *
 * The event lies in the frame of `greet`, which has returned, and a task still waits for it. The
 * memory now belongs to another function. Debug mode notices it at once. Without debug mode the
 * mistake is reported when the task is to be woken, if the memory was overwritten by then.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * let the event outlive its waiters: await the task before `greet` returns, or create it in a task
 * group that is declared after the event. The same holds for locks, conditions, semaphores and
 * barriers.
 */
#include <asyncio.h>
#include <stdio.h>

static int wait_and_greet(async_event *morning)
{
    ASYNC_TRY(async_event_wait(morning));
    puts("good morning");
    return 0;
}
async_fn(wait_and_greet, async_event *);

static int greet(void)
{
    async_event morning = {0};
    async_task_detach(async_create_task(wait_and_greet, &morning));
    return async_sleep(0.1);
}
async_fn(greet);

static int amain(void)
{
    ASYNC_TRY(async_await(async_create_task(greet)));
    return async_sleep(0.1);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
