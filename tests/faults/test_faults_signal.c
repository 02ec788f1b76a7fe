/*
 * test_faults_signal.c: programs for tests/scripts/faults.py (see test_faults.c) that catch
 * signals. Where a signal can be caught, it is told once; where it cannot, nothing is changed.
 */
#include "fault_test.h"

#include <signal.h>

static bool is_caught(int number)
{
    struct sigaction now;
    CHECK_EQ(sigaction(number, NULL, &now), 0);
    return now.sa_handler != SIG_DFL;
}

static int take_signals(int account, async_signals *signals)
{
    for (int i = 0; i < 2; i++) {
        int number = answer(async_signals_next(signals));
        if (number < 0)
            return number;
        kept[account + i] += number == (i == 0 ? SIGUSR1 : SIGUSR2);
    }
    return 0;
}
async_fn(take_signals, int, async_signals *);

FAULTS_TEST(signals_of_a_set_are_told_once)
{
    async_auto_signals *signals = NULL;
    int result = answer(async_signals_new(&signals, SIGUSR1, SIGUSR2));
    CHECK((result < 0) == (signals == NULL));
    if (result < 0)
        return 0;
    async_task *task = async_create_task(take_signals, 0, signals);
    if (task != NULL)
        promised[0] = promised[1] = 1;
    raise(SIGUSR1);
    answer(async_sleep(1));
    raise(SIGUSR2);
    answer(async_await(task));
    return 0;
}

static void keep_signal(int number, void *unused)
{
    (void)unused;
    kept[number]++;
}

FAULTS_TEST(signal_handlers_are_called_once)
{
    if (answer(async_add_signal_handler(SIGUSR1, keep_signal, NULL)) == 0) {
        promised[SIGUSR1] = 1;
        raise(SIGUSR1);
        raise(SIGUSR1);
    }
    while (kept[SIGUSR1] < promised[SIGUSR1])
        answer(async_sleep(0));
    CHECK_EQ(async_remove_signal_handler(SIGUSR1), promised[SIGUSR1] == 1);
    return 0;
}

/* What could not be restored is caught again by the next one. */
FAULTS_TEST(signals_can_be_caught_again)
{
    for (int i = 0; i < 3; i++) {
        async_signals *signals;
        if (answer(async_signals_new(&signals, SIGHUP)) < 0)
            continue;
        promised[i] = 1;
        CHECK(is_caught(SIGHUP));
        raise(SIGHUP);
        kept[i] = answer(async_signals_next(signals)) == SIGHUP;
        async_signals_free(signals);
    }
    CHECK(!nothing_fails || !is_caught(SIGHUP));
    return 0;
}
