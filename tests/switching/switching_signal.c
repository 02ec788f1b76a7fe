/*
 * switching_signal.c: the rows (switching.h) of signals. The supply raises a signal in this
 * process. The loop hands it over at its next poll, as what comes from the kernel. A signal that no
 * caller took is still in the set.
 */
#include "switching.h"

#include <signal.h>

/* ---- a set ----------------------------------------------------------------------------------- */

static async_signals *signals;

static void set_signals(struct scene *scene)
{
    (void)scene;
    CHECK_EQ(async_signals_new(&signals, SIGUSR1), 0);
}

static void raise_one(struct scene *scene)
{
    scene->supplied++;
    CHECK_EQ(raise(SIGUSR1), 0);
}

static void set_signals_that_came(struct scene *scene)
{
    set_signals(scene);
    for (int i = 0; i < scene->caller_count; i++)
        raise_one(scene);
}

static int take_signal(struct caller *caller)
{
    int result = async_signals_next(signals);
    caller->scene->taken += result == SIGUSR1;
    return result;
}

/* The set of a loop that has ended is freed, and its signals can be caught again. */
static void check_signals(struct scene *scene)
{
    if (scene->cut_off) {
        set_signals(scene);
        async_signals_free(signals);
        return;
    }
    while (async_timeout(1e-4, async_signals_next(signals)) == SIGUSR1)
        scene->taken++;
    CHECK_EQ(scene->taken, scene->supplied);
    async_signals_free(signals);
}

SWITCHING_CALL(signals_next_until_one_comes, async_signals_next, .kind = ASKS_KERNEL,
               .gives = SIGUSR1, .in_line = true, .set = set_signals, .make = take_signal,
               .supply = raise_one, .check = check_signals);
SWITCHING_CALL(signals_next_when_they_came, async_signals_next, .kind = NEED_NOT_WAIT,
               .gives = SIGUSR1, .set = set_signals_that_came, .make = take_signal,
               .check = check_signals);

/* ---- one call ------------------------------------------------------------------------------- */

/* Each caller has a number of its own: a number has one owner. */
static const int numbers[MAX_CALLERS] = {SIGUSR1, SIGUSR2, SIGHUP};

static int await_one(struct caller *caller)
{
    int number = numbers[caller->place];
    int result = async_signal_wait(number);
    return result == number ? SIGUSR1 : result;
}

static void raise_those_that_are_caught(struct scene *scene)
{
    (void)scene;
    for (int i = 0; i < MAX_CALLERS; i++) {
        struct sigaction now;
        CHECK_EQ(sigaction(numbers[i], NULL, &now), 0);
        if (now.sa_handler != SIG_DFL)
            CHECK_EQ(raise(numbers[i]), 0);
    }
}

static int await_one_of_an_array(struct caller *caller)
{
    int result = async_signal_wait_n(&numbers[caller->place], 1);
    return result == numbers[caller->place] ? SIGUSR1 : result;
}

SWITCHING_CALL(signal_wait_n_until_one_comes, async_signal_wait_n, .kind = ASKS_KERNEL,
               .gives = SIGUSR1, .make = await_one_of_an_array,
               .supply = raise_those_that_are_caught);
SWITCHING_CALL(signal_wait_until_it_comes, async_signal_wait, .kind = ASKS_KERNEL, .gives = SIGUSR1,
               .make = await_one, .supply = raise_those_that_are_caught);
