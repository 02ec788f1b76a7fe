/*
 * async_signals_new.c: wait for signals and lose none
 *
 * Pages: async_signals_new async_signals_new_n async_signals_next
 * async_signals_free async_auto_signals async_signals
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>

static void load_configuration(void)
{
    puts("configuration loaded");
}

/* In place of `kill -HUP` and `kill` by a service manager. */
static int send_signals(void)
{
    raise(SIGHUP);
    ASYNC_TRY(async_sleep(1));
    raise(SIGHUP); /* it comes while the other task sleeps, and is counted */
    ASYNC_TRY(async_sleep(5));
    raise(SIGTERM);
    return 0;
}
async_fn(send_signals);

static int serve(void)
{
    async_auto_signals *signals = NULL;
    int number;
    ASYNC_TRY(async_signals_new(&signals, SIGTERM, SIGHUP));
    while ((number = async_signals_next(signals)) == SIGHUP) {
        load_configuration();
        ASYNC_TRY(async_sleep(2));
    }
    ASYNC_TRY(number);
    puts("goodbye"); /* SIGTERM */
    return 0;
}
async_fn(serve);

/* The signals are chosen at run time, and the set is freed early. */
static int take_one(const int numbers[], size_t count)
{
    async_signals *signals;
    ASYNC_TRY(async_signals_new_n(&signals, numbers, count));
    raise(numbers[0]);
    int number = async_signals_next(signals);
    async_signals_free(signals); /* the previous actions are back */
    return number;
}

static int amain(void)
{
    const int numbers[] = {SIGUSR1, SIGUSR2};
    ASYNC_TRY(take_one(numbers, 2));
    async_task *server = async_create_task(serve);
    return async_gather(server, async_create_task(send_signals));
}
async_fn(amain);

int main(void)
{
    return async_run_with(&(async_run_options){.virtual_clock = true}, amain) <
           0;
}

/* Prints:
 * configuration loaded
 * configuration loaded
 * goodbye
 */
