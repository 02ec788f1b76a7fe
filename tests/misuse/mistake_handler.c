/*
 * 17. A call in a signal handler
 *
 * A signal may come while the library is changing the very list that the handler's call would
 * change. While the loop waits in the kernel this can be detected, and ends the program.
 *
 * let the handler set a flag of type `volatile sig_atomic_t`, or write a byte to a pipe that a task
 * waits for with `async_wait_readable`. Ctrl-C needs no handler: it cancels the main task.
 */
#include <asyncio.h>
#include <signal.h>
#include <unistd.h>

static async_task *main_task;

static void stop(int number)
{
    (void)number;
    async_task_cancel(main_task);
}

static int amain(void)
{
    main_task = async_current_task();
    signal(SIGALRM, stop);
    alarm(1);
    return async_sleep(10);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
