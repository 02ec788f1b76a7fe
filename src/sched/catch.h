/*
 * sched/catch.h: caught signals. A catch is one signal number that one loop receives: the signal
 * handler counts the signal in it and wakes the loop, and the loop calls `deliver` on its own
 * thread. So a signal reaches the loop however it waits, and whichever thread the kernel chose.
 *
 * A number has one owner in the process. There is one exception: a run catches SIGINT for itself,
 * and the program may catch the same number on the same loop. The program's catch then receives the
 * signals, and the run's is below it until the program's has ended.
 */
#ifndef SCHED_CATCH_H
#define SCHED_CATCH_H

#include "base/list.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct async_loop;

struct signal_catch {
    struct link link;        /* in the list of the loop */
    struct async_loop *loop; /* set when it begins */
    /* Called on the loop's stack while the count is not 0. Must not begin or end a catch. */
    void (*deliver)(struct signal_catch *caught);
    _Atomic uint32_t count; /* signals that came and were not taken */
    int number;
    /*
     * The run's own: only instead of the default action, the second signal has the default action,
     * and the program may catch the number, too.
     */
    bool of_run;
};

struct caught_signals {
    struct list catches; /* struct signal_catch, of this loop */
};

/*
 * Begins a catch. deliver, number and of_run must be set. Returns 0; -EBUSY if the number has an
 * owner; -EEXIST if the program has a handler of its own, or ignores the signal and the catch is a
 * run's; -ERANGE or an error of sigaction if the number cannot be caught.
 */
int asyncp_catch_begin(struct async_loop *loop, struct signal_catch *caught);

/*
 * Ends a catch. The previous action is restored, unless the program has set another one. Afterwards
 * no signal handler uses the catch or its loop.
 */
void asyncp_catch_end(struct signal_catch *caught);

typedef void asyncp_signal_handler(int number);

/*
 * Sets a function that returns the handler in place of a number's default action while the number
 * has no owner; SIG_DFL: none. NULL: no number has one. It is called in any thread.
 */
void asyncp_catch_set_defaults(asyncp_signal_handler *(*of)(int number));

/* The catch of this number that the program has begun on the loop; NULL: none. */
struct signal_catch *asyncp_catch_find(const struct async_loop *loop, int number);

/* Whether the program catches a signal on this loop. */
bool asyncp_catches_any(const struct async_loop *loop);

/* Delivers the signals that came, on the loop's thread. */
void asyncp_catches_deliver(struct async_loop *loop);

/* In a child of fork(): ends the catches of the parent. Signals act as they did before them. */
void asyncp_catches_fork(void);

/* The signal's name for messages, such as "SIGTERM"; "signal 40" if it has none. */
struct signal_name {
    char text[24];
};
struct signal_name asyncp_signal_name(int number);

static inline bool catch_came(const struct signal_catch *caught)
{
    return atomic_load(&caught->count) > 0;
}

/* Takes one signal. Whether there was one. Only the loop's thread takes. */
static inline bool catch_take_one(struct signal_catch *caught)
{
    if (!catch_came(caught))
        return false;
    atomic_fetch_sub(&caught->count, 1);
    return true;
}

/* Takes all signals. Whether there was one. */
static inline bool catch_take_all(struct signal_catch *caught)
{
    return atomic_exchange(&caught->count, 0) > 0;
}

#endif
