/*
 * async_signal_wait.c: wait once for a signal
 *
 * Pages: async_signal_wait async_signal_wait_n
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>

static void send_terminate(void *unused)
{
    (void)unused;
    raise(SIGTERM);
}

static int amain(void)
{
    async_call_later(3, send_terminate, NULL);
    int number = async_timeout(60, async_signal_wait(SIGTERM, SIGUSR1));
    ASYNC_TRY(number); /* -ETIMEDOUT after a minute */
    printf("%s after %.0f s\n", number == SIGTERM ? "SIGTERM" : "SIGUSR1",
           async_time());

    const int numbers[] = {SIGTERM, SIGUSR1};
    int result = async_timeout(1, async_signal_wait_n(numbers, 2));
    printf("%s\n", async_strerror(result));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * SIGTERM after 3 s
 * -ETIMEDOUT: Connection timed out (or the time limit expired)
 */
