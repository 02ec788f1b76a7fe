/*
 * 7. A call that blocks
 *
 * `usleep` stops the thread, and with it the loop and all of its tasks. So does reading from a slow
 * disk, or a long computation. Debug mode names every task that holds the loop for more than a
 * tenth of a second.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * use a call that switches: `async_sleep` for `usleep`, `async_recv` for `recv`. In a long
 * computation, let other tasks run from time to time, with `async_sleep(0)`. Functions without such
 * a form run on a worker thread, with `async_to_thread`.
 */
#include <asyncio.h>
#include <stdio.h>
#include <unistd.h>

static int amain(void)
{
    usleep(150000);
    puts("rested");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
