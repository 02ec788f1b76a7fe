/*
 * async_deadlock_action.c: choose what a run does in a deadlock
 *
 * Pages: async_deadlock_action
 */
#include <asyncio.h>
#include <stdio.h>

static int wait_for_ever(void)
{
    async_event never = {0};
    int result = async_event_wait(&never);
    puts("cleaned up");
    return result;
}
async_fn(wait_for_ever);

int main(void)
{
    async_run_options options = {.on_deadlock = ASYNC_DEADLOCK_CANCEL};
    int result = async_run_with(&options, wait_for_ever);
    printf("%s\n", result == -EDEADLK ? "a deadlock" : "no deadlock");
    return 0;
}

/* Prints:
 * cleaned up
 * a deadlock
 */
