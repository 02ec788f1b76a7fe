/*
 * io/attempt.h: a plain call that is made until it need not wait. While it waits, the kernel has
 * nothing of the caller's: so what it did when it succeeds is the answer, and a request to cancel
 * has nothing to take back. It must not know which call that is.
 */
#ifndef IO_ATTEMPT_H
#define IO_ATTEMPT_H

#include "sched/sched.h"

struct attempt {
    int (*make)(struct attempt *attempt); /* the call, which never waits: -EAGAIN instead */
    const char *call;                     /* for people: the public name of it */
    int fd;                               /* what is waited for; make may change it */
    enum operation_kind until; /* it is readable, or writable; make may change that, too */
};

/*
 * Makes the call, waits after each -EAGAIN, and returns what it returns at last. -ECANCELED: the
 * last one did nothing. Where the kernel says at once that there is something and that there is
 * nothing, as of a Unix socket whose peer has no room, it tries again after pauses of 1 to 100 ms.
 */
int asyncp_attempt(struct async_loop *loop, struct attempt *attempt);

#endif
