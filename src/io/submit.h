/*
 * io/submit.h: an operation of the poller as a waiting call.
 */
#ifndef IO_SUBMIT_H
#define IO_SUBMIT_H

#include "sched/pace.h"

/*
 * Submits the operation and waits for its completion. A cancellation is passed to the kernel, and
 * its answer is waited for: when this returns, the kernel does not use the buffer any more, so it
 * may lie on the caller's stack.
 */
int asyncp_submit(struct async_loop *loop, struct operation operation, const char *call);

#endif
