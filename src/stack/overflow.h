/*
 * stack/overflow.h: reports a stack overflow with the functions causing it, instead of a bare
 * "Segmentation fault". The owner of the stacks is asked which stack is running.
 */
#ifndef STACK_OVERFLOW_H
#define STACK_OVERFLOW_H

#include "stack/stack.h"

/* Callbacks of the owner of the stacks. They run in the signal handler. */
struct overflow_owner {
    const struct stack *(*running)(size_t *guard_size); /* this thread's running stack, or NULL */
    bool (*is_stack)(const void *address); /* of a task of this thread; used while one runs */
    void (*explain)(void);                 /* reports whose stack it is */
    void (*explain_call)(void);            /* reports the task with a fault in the library */
};

/* The alternate signal stack of one thread: the handler cannot run on a full stack. */
struct signal_stack {
    void *start; /* our mapping; NULL: the thread has another one, or can have none */
    int error;   /* why the thread can have none: -errno; 0: it has one */
};

/*
 * Reports overflows of this thread's stacks. The first call of the process installs handlers for
 * SIGSEGV and SIGBUS. 0 or -ENOMEM.
 */
int asyncp_overflow_open(struct signal_stack *stack, const struct overflow_owner *owner);

/* The last call restores the former handlers, unless the program has installed others since. */
void asyncp_overflow_close(struct signal_stack *stack);

/* Before fork(); after it in the parent; after it in the child, where `count` threads are left. */
void asyncp_overflow_before_fork(void);
void asyncp_overflow_after_fork(void);
void asyncp_overflow_forked(unsigned count);

#endif
