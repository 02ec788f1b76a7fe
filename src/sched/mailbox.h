/*
 * sched/mailbox.h: messages to a loop from other threads. The sender provides the memory; it
 * belongs to the loop from the send until the message is received. So sending does not allocate and
 * cannot fail.
 */
#ifndef SCHED_MAILBOX_H
#define SCHED_MAILBOX_H

#include "sched/ready.h"
#include <stdatomic.h>

struct message {
    struct ready ready;   /* in the ready queue, after it was taken from the inbox */
    struct message *next; /* in the inbox: the message sent before this one */
    /* Called once, on the loop's thread; the memory belongs to the receiver again. */
    void (*receive)(struct message *message, bool is_closing);
};

struct async_loop;

/*
 * Sends a message, from any thread. receive must be set. If the loop is closed before it is
 * received, receive is called with is_closing.
 */
void asyncp_mailbox_send(struct async_loop *loop, struct message *message);

struct call;

struct mailbox {
    _Atomic(struct message *) inbox; /* a stack: the newest first */
    _Atomic(struct call *) spare;    /* a received call, for the next sender to reuse */
};

/* Sets a pending-event flag and wakes the loop, from any thread or signal handler. */
void asyncp_attend(struct async_loop *loop, uint32_t reason);

/* Moves the messages of the inbox to the ready queue. */
void asyncp_mailbox_take(struct async_loop *loop);

/* Receives the remaining messages with is_closing. */
void asyncp_mailbox_close(struct async_loop *loop);

#endif
