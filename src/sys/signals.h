/*
 * sys/signals.h: signal actions and alternate signal stacks.
 */
#ifndef SYS_SIGNALS_H
#define SYS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

int asyncp_sys_sigaction(int number, const struct sigaction *action, struct sigaction *old);

/*
 * Restores the default action, and raises the signal in the calling thread. Both are for handlers
 * that end the process: they abort if the kernel refuses.
 */
void asyncp_sys_signal_default(int number);
void asyncp_sys_raise(int number);

/* Called by asyncp_sys_signal_default first, in signal handlers: the process is about to end. */
void asyncp_sys_set_last_call(void (*call)(void));

/* In a handler of the signal: stops the process as its default action does, until SIGCONT. */
void asyncp_sys_stop(int number);

/* Blocks all signals of the thread, and restores its mask. */
void asyncp_sys_block_signals(sigset_t *before);
void asyncp_sys_restore_signals(const sigset_t *before);

/*
 * Ends the process by the signal's default action. Outside of handlers. Where the kernel ignores
 * that, as for the first process of a container, with the status 128 + number.
 */
_Noreturn void asyncp_sys_end_by_signal(int number);

/* What a program has for SIGALRM. */
struct sys_alarm {
    struct sigaction action;
    struct itimerval timer;
    sigset_t mask;   /* of the thread */
    bool is_pending; /* and blocked */
};

/*
 * Aborts the process after so many seconds, also if all threads are blocked. Changes the action of
 * SIGALRM, its timer and the thread's mask. asyncp_sys_cancel_abort cancels that and restores them,
 * in the same thread.
 */
void asyncp_sys_abort_after(unsigned seconds, struct sys_alarm *before);
void asyncp_sys_cancel_abort(const struct sys_alarm *before);

/* The alternate stack of the calling thread, for handlers with SA_ONSTACK. */
bool asyncp_sys_has_signal_stack(void);
int asyncp_sys_set_signal_stack(void *start, size_t size);

/*
 * Removes the alternate stack at `start`, unless the thread has another one by now. false: the
 * kernel may still use it.
 */
bool asyncp_sys_remove_signal_stack(void *start);

#endif
