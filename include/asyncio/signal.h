/*
 * asyncio/signal.h: signals of the system: SIGHUP, SIGTERM, SIGUSR1 and others. <signal.h> has
 * their names.
 *
 *     async_auto_signals *signals = NULL;
 *     int number;
 *     ASYNC_TRY(async_signals_new(&signals, SIGTERM, SIGHUP));
 *     while ((number = async_signals_next(signals)) == SIGHUP)
 *         ASYNC_TRY(load_configuration());
 *     return number < 0 ? number : 0; // SIGTERM
 *
 * The library's signal handler counts each signal and wakes the loop; tasks and functions of the
 * program run later, on the loop, and may call everything. It does not matter which thread receives
 * the signal. The calls here work on every thread that has a loop.
 *
 * Each signal belongs to one set or one handler in the process. A signal handler that the program
 * has installed with sigaction(2) is never replaced: these calls then return -EBUSY. The previous
 * action is restored at the end, unless the program has installed a handler meanwhile. A signal
 * that is ignored can be caught, and is ignored again afterwards.
 *
 * SIGINT: async_run cancels the main task when SIGINT comes. While the program catches SIGINT here,
 * it receives the signal instead. The same holds for SIGTERM with the option cancel_on_sigterm.
 *
 * SIGKILL and SIGSTOP cannot be caught. SIGSEGV, SIGBUS, SIGFPE and SIGILL are refused: they report
 * a fault of the running code, which cannot go on.
 *
 * fork(): the child starts with the previous actions, and gets no signals of the parent.
 */
#ifndef ASYNCIO_SIGNAL_H
#define ASYNCIO_SIGNAL_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * A set of signals that are caught and counted while it exists. No signal is lost between two calls
 * of async_signals_next. The kernel itself merges signals of one number until it delivers them
 * (signal(7)).
 */
typedef struct async_signals async_signals;

/*
 * int async_signals_new(async_signals **signals, int number, …)
 *
 * Creates a set of the signals with these numbers, and catches them from now on.
 *
 * The caller owns *signals and frees it with async_signals_free; after an error it is NULL. It is
 * also freed when its loop is closed.
 * Returns 0 or an error of async_signals_new_n.
 * Never switches.
 */
#define async_signals_new(signals, ...) ASYNCP_SIGNALS_NEW((signals), __VA_ARGS__)

/*
 * Creates a set of the signals numbers[0..count); otherwise like async_signals_new.
 *
 * Borrows the numbers.
 * Returns 0; -ENOMEM.
 * -EBUSY if another set, handler or loop uses one of the signals, or the program has installed a
 * signal handler of its own.
 * -EINVAL if a number is not the one of a signal that can be caught, or there are no numbers.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_signals_new_n(async_signals **signals, const int numbers[],
                                             size_t count);

/*
 * Waits for the next signal of the set and returns its number. After an error no signal was taken.
 *
 * If signals of several numbers have come, those that async_signals_new names first are returned
 * first. Several tasks may wait; each signal is returned to one of them, in FIFO order.
 *
 * Returns the number, for example SIGTERM; -ECANCELED also if the set was freed meanwhile.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_signals_next(async_signals *signals);

/*
 * Frees the set and restores the previous actions of its signals. Signals that were not returned
 * are dropped.
 *
 * Waiting tasks get -ECANCELED and must not use the set again; debug mode reports them.
 *
 * Takes the set. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_signals_free(async_signals *signals);

/*
 * int async_signal_wait(int number, …)
 *
 * Catches the signals with these numbers until one has come, and returns its number.
 *
 * It is for programs that wait once. After the call the signals have their previous actions, and
 * further signals that came during the call are dropped. To wait again and again, use
 * async_signals_next.
 *
 *     ASYNC_TRY(async_signal_wait(SIGTERM, SIGINT));
 *     puts("goodbye");
 *
 * Returns the number, or an error of async_signals_new_n.
 * Switches.
 */
#define async_signal_wait(...) ASYNCP_SIGNAL_WAIT(__VA_ARGS__)

/*
 * Waits for one of the signals numbers[0..count); otherwise like async_signal_wait.
 *
 * Borrows the numbers.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_signal_wait_n(const int numbers[], size_t count);

/*
 * Sets a function that the loop calls when the signal has come: function(number, context), once for
 * all signals of this number that have come since the last call.
 *
 * The function is a callback: it may call everything that does not switch. A handler that must wait
 * creates a task:
 *
 *     static void on_hangup(int number, void *context)
 *     {
 *         (void)number;
 *         async_task_detach(async_create_task(reload, context));
 *     }
 *
 * If this loop has a handler for the signal already, it is replaced. The function has the
 * task-local values of the caller. The handler is removed by async_remove_signal_handler or when
 * the loop is closed.
 *
 * Borrows context until the handler is removed.
 * Returns 0; -ENOMEM; -EINVAL or -EBUSY as async_signals_new_n does; -EINVAL also if function is
 * NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_add_signal_handler(int number,
                                                  void (*function)(int number, void *context),
                                                  void *context);

/*
 * Removes the handler of the signal and restores the previous action. The function is not called
 * again, also not for signals that have come already.
 *
 * Returns true; false if this loop has no handler for the signal.
 * Never switches.
 */
ASYNC_API bool async_remove_signal_handler(int number);

static inline void asyncp_auto_signals(async_signals **signals)
{
    async_signals_free(*signals);
}

/*
 * async_auto_signals *signals = NULL;
 *
 * Declares a set of signals and frees it when the block is left.
 */
#define async_auto_signals ASYNC_CLEANUP(asyncp_auto_signals) async_signals

ASYNC_END_C

#ifdef __cplusplus
#include <initializer_list>
ASYNC_MUST static inline int asyncp_signals_new(async_signals **signals,
                                                std::initializer_list<int> numbers)
{
    return async_signals_new_n(signals, numbers.begin(), numbers.size());
}
ASYNC_MUST static inline int asyncp_signal_wait(std::initializer_list<int> numbers)
{
    return async_signal_wait_n(numbers.begin(), numbers.size());
}
#define ASYNCP_SIGNALS_NEW(signals, ...) asyncp_signals_new((signals), {__VA_ARGS__})
#define ASYNCP_SIGNAL_WAIT(...)          asyncp_signal_wait({__VA_ARGS__})
#else
#define ASYNCP_NUMBERS(...) ((const int[]){__VA_ARGS__})
#define ASYNCP_SIGNALS_NEW(signals, ...)                                                           \
    async_signals_new_n((signals), ASYNCP_NUMBERS(__VA_ARGS__),                                    \
                        sizeof ASYNCP_NUMBERS(__VA_ARGS__) / sizeof(int))
#define ASYNCP_SIGNAL_WAIT(...)                                                                    \
    async_signal_wait_n(ASYNCP_NUMBERS(__VA_ARGS__),                                               \
                        sizeof ASYNCP_NUMBERS(__VA_ARGS__) / sizeof(int))
#endif
#endif
