/*
 * stack/overflow.h: a stack that ran into its guard ends the program with a message that helps,
 * instead of a bare "Segmentation fault". Knows nothing of tasks: who was running, and what to say
 * of it, is asked back.
 */
#ifndef STACK_OVERFLOW_H
#define STACK_OVERFLOW_H

#include "stack/stack.h"

/* What the owner of the stacks is asked when a fault happens; both run in the signal handler. */
struct overflow_owner {
    const struct stack *(*running)(size_t *guard_size); /* this thread's running stack, or NULL */
    void (*explain)(void);                              /* says whose stack it is */
};

/* One thread's alternate signal stack, on which a handler can run when the other is full. */
struct signal_stack {
    void *start; /* what was mapped; NULL if the thread had one of its own, or can have none */
    int error;   /* why it can have none; 0: it has one */
};

/* Watches this thread; the first one also takes SIGSEGV and SIGBUS. 0 or -errno. */
int asyncp_overflow_open(struct signal_stack *stack, const struct overflow_owner *owner);

/*
 * The last one gives the signals back to whoever handled them before. What the program has put
 * there stays.
 */
void asyncp_overflow_close(struct signal_stack *stack);

/*
 * Around fork(), in the parent; and in the child, where of all watched threads there are so many.
 */
void asyncp_overflow_before_fork(void);
void asyncp_overflow_after_fork(void);
void asyncp_overflow_forked(unsigned count);

#endif
