/*
 * sched/interrupt.h: SIGINT while a loop runs: the first cancels the main task, the second ends the
 * process.
 */
#ifndef SCHED_INTERRUPT_H
#define SCHED_INTERRUPT_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct async_loop;

struct interrupt {
    struct async_task *main_task; /* cancelled by SIGINT; NULL: none */
    _Atomic uint32_t count;       /* SIGINTs received in this run */
    bool is_ours;                 /* our handler is installed */
    struct sigaction before;      /* the replaced action */
};

/* Installs the handler, if SIGINT has its default action. */
void asyncp_sigint_install(struct async_loop *loop);

/*
 * A handler that stands for the default action while no run handles SIGINT; NULL: none. It does not
 * install it.
 */
void asyncp_sigint_set_default(void (*handler)(int));

/* Restores the previous handler, unless the program has installed another one. */
void asyncp_sigint_restore(struct async_loop *loop);

/* In a child of fork(): the same, for the loop of the parent. */
void asyncp_sigint_fork(void);

/* Sets the task to be cancelled by SIGINT; NULL: none. */
void asyncp_sigint_set_task(struct async_loop *loop, struct async_task *main_task);

/* Whether SIGINT was received in this run. */
bool asyncp_sigint_came(const struct async_loop *loop);

/* Cancels the main task, on the loop's thread. */
void asyncp_sigint_deliver(struct async_loop *loop);

#endif
