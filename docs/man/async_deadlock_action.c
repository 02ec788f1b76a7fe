/*
 * async_deadlock_action.c: choose what a run does in a deadlock
 *
 * Pages: async_deadlock_action
 */
#include <asyncio.h>
#include <stdio.h>

static int wait_for(async_event *event)
{
    ASYNC_TRY(async_event_wait(event));
    puts("woken");
    return 0;
}
async_fn(wait_for, async_event *);

static int amain(void)
{
    async_event event = {0};
    async_task *waiter = async_create_task(wait_for, &event);
    ASYNC_TRY(async_sleep(1));
    async_event_set(&event); /* without this line the process aborts */
    return async_await(waiter);
}
async_fn(amain);

int main(void)
{
    /* A core shows what all tasks wait for: asyncio tree CORE. */
    async_run_options options = {.on_deadlock = ASYNC_DEADLOCK_ABORT};
    return async_main_with(&options, amain);
}

/* Prints:
 * woken
 */
