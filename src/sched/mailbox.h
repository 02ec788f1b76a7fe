/*
 * sched/mailbox.h: messages to a loop from other threads. A message lies in memory of the sender's
 * choosing, which is the loop's from the moment it is sent until it is received; so sending needs
 * no memory and cannot fail.
 */
#ifndef SCHED_MAILBOX_H
#define SCHED_MAILBOX_H

#include <stdatomic.h>
#include "sched/ready.h"

struct message {
    struct ready ready;   /* in the ready queue once it was taken */
    struct message *next; /* sent before it */
    void (*receive)(struct message *message,
                    bool is_closing); /* on the loop's thread, once; its memory is free */
};

struct async_loop;

/*
 * Sends a message whose receive is set, from any thread. If the loop is closing when it comes, it
 * is told so.
 */
void asyncp_inbox_send(struct async_loop *loop, struct message *message);

struct call;

struct mailbox {
    _Atomic(struct message *) inbox; /* sent by other threads, the last first */
    _Atomic(struct call *) spare;    /* a call that was received, for the next sender */
};

/* Sets a bit of the attention word, from any thread or signal handler, and wakes the loop. */
void asyncp_attend(struct async_loop *loop, uint32_t reason);

/* Makes the messages that were sent ready to be received. */
void asyncp_inbox_take(struct async_loop *loop);

/* Tells the messages that were not received that the loop is closing. */
void asyncp_inbox_close(struct async_loop *loop);

#endif
