/*
 * sched/mailbox.h: messages to a loop from other threads. A message lies in memory of the sender's
 * choosing, which is the loop's from the moment it is sent until it is received; so sending needs
 * no memory and cannot fail.
 */
#ifndef SCHED_MAILBOX_H
#define SCHED_MAILBOX_H

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

#endif
